import { DecodeError } from '../errors.ts'
import { type Fold, foldValue } from '../protocol/fold-value.ts'
import { exactIntegers } from './exact-integers.ts'
import type { Serializer } from './serializer.ts'
import { decodeUtf8 } from './utf8.ts'

/** As PyYAML's safe_dump and safe_load: YAML 1.1, no tags that make objects. */
const options = { version: '1.1', logLevel: 'silent' } as const

/** Rejects with ERR_MODULE_NOT_FOUND where yaml is not installed. */
export async function openYaml(): Promise<Serializer> {
  const { parseDocument, stringify } = await import('yaml')
  const parse = (text: string): unknown => {
    const document = parseDocument(text, { ...options, intAsBigInt: true, uniqueKeys: false })
    const problem = document.errors[0] ?? document.warnings[0]
    if (problem !== undefined) throw problem
    return document.toJS({ maxAliasCount: 100 })
  }
  return {
    name: 'yaml',
    contentType: 'application/x-yaml',
    contentEncoding: 'utf-8',
    dump: (value) => stringify(foldValue(value, yamlFold), { ...options, aliasDuplicateObjects: false, lineWidth: 0 }),
    load(data) {
      const text = typeof data === 'string' ? data : decodeUtf8(data)
      try {
        return exactIntegers(parse(text))
      } catch (error) {
        if (error instanceof DecodeError) throw error
        throw new DecodeError(`The body is no YAML of plain data: ${(error as Error).message}`, { cause: error })
      }
    },
  }
}

const yamlFold: Fold<unknown> = {
  scalar: (value) => value,
  special(value, place) {
    if (value instanceof Date && Number.isNaN(value.getTime())) throw place.refuse('is an invalid Date')
    return value instanceof Date || value instanceof Uint8Array ? value : undefined
  },
  list: (items) => items,
  record: (entries) => Object.fromEntries(entries),
}
