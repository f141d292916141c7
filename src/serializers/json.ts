import { dumpJson, loadJson } from '../protocol/typed-json.ts'
import type { Serializer } from './serializer.ts'
import { decodeUtf8 } from './utf8.ts'

/** JSON with kombu's typed values. */
export const jsonSerializer: Serializer = {
  name: 'json',
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  dump: dumpJson,
  load: (data) => loadJson(typeof data === 'string' ? data : decodeUtf8(data)),
}
