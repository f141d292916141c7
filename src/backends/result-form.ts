import { ContentDisallowed } from '../errors.ts'
import { dumpJson, loadJson } from '../protocol/typed-json.ts'
import { openSerializer } from '../serializers/open-serializer.ts'
import type { Serializer } from '../serializers/serializer.ts'

/** How results are written and read (`result_serializer`), each as one text. */
export interface ResultForm {
  /** A text holds one byte in each of its units. */
  readonly isBinary: boolean
  /** Throws EncodeError, naming the path of what cannot be written. */
  readonly dump: (value: unknown) => string
  /** Throws DecodeError, and ContentDisallowed where `result_accept_content` does not name the serializer. */
  readonly load: (text: string) => unknown
}

export const jsonForm: ResultForm = { isBinary: false, dump: dumpJson, load: loadJson }

/**
 * As Celery has it: what is stored does not tell how it was written, so all is read as it would be written. `accepted`:
 * names or content types; undefined: the serializer's own.
 */
export async function openResultForm(name: string, accepted: readonly string[] | undefined): Promise<ResultForm> {
  const serializer = await openSerializer(name)
  const form = formOf(serializer)
  const isAccepted = !accepted || accepted.includes(serializer.name) || accepted.includes(serializer.contentType)
  return isAccepted ? form : { ...form, load: () => refuse(serializer.name, accepted) }
}

function formOf(serializer: Serializer): ResultForm {
  if (serializer.name === 'json') return jsonForm
  if (serializer.contentEncoding === 'utf-8')
    return { isBinary: false, dump: (value) => String(serializer.dump(value)), load: (text) => serializer.load(text) }
  return {
    isBinary: true,
    dump: (value) => Buffer.from(serializer.dump(value) as Uint8Array).toString('latin1'),
    load: (text) => serializer.load(Buffer.from(text, 'latin1')),
  }
}

function refuse(name: string, accepted: readonly string[]): never {
  throw new ContentDisallowed(
    `Results are in ${name} (result_serializer), which result_accept_content, or else accept_content, does not name: ` +
      `${accepted.join(', ')}. Add ${name} to it`,
  )
}
