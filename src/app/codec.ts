import { ImproperlyConfigured, EncodeError } from '../errors.ts'
import { compress } from '../protocol/compression.ts'
import type { BodyForm } from '../protocol/control-message.ts'
import type { Message } from '../protocol/message.ts'
import { jsonSerializer, loadBody, openSerializer } from '../serializers/open-serializer.ts'
import type { Serializer } from '../serializers/serializer.ts'

/** A body as it goes into a message. */
export interface EncodedBody {
  readonly contentType: string
  readonly contentEncoding: string
  readonly body: string | Uint8Array
  /** The `compression` header, if it is compressed. */
  readonly compression: string | undefined
}

/** The serializers an app may use: what it writes, and what it accepts. */
export class Codec {
  readonly #accepted: readonly Serializer[]
  readonly #acceptedTypes: ReadonlySet<string>
  readonly #byName = new Map<string, Serializer>([['json', jsonSerializer]])
  readonly #maxBytes: number
  /** Undefined: JSON, which holds all that the others do. */
  #results: Serializer | undefined

  constructor(accepted: readonly Serializer[], maxBytes: number) {
    this.#accepted = accepted
    this.#acceptedTypes = new Set(accepted.map((serializer) => serializer.contentType))
    for (const serializer of accepted) this.#byName.set(serializer.name, serializer)
    this.#maxBytes = maxBytes
  }

  /** Imports the optional serializers among the names once, before they are needed. */
  static async open(
    acceptedNames: readonly string[],
    writtenNames: readonly string[],
    maxBytes: number,
  ): Promise<Codec> {
    const codec = new Codec(await Promise.all(acceptedNames.map((name) => openSerializer(name))), maxBytes)
    for (const name of writtenNames) await codec.prepare(name)
    return codec
  }

  /** Results are written by this serializer. */
  async prepareResults(name: string): Promise<void> {
    if (name !== 'json') this.#results = await openSerializer(name)
  }

  /** Throws EncodeError, naming the path, for a result that cannot be written; one in JSON shows that when it is stored. */
  checkResult(result: unknown): void {
    this.#results?.dump({ result })
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  async prepare(name: string): Promise<void> {
    if (!this.#byName.has(name)) this.#byName.set(name, await openSerializer(name))
  }

  /** Throws EncodeError, naming the path, for what cannot be written, and for more bytes than `task_max_message_size`. */
  dump(value: unknown, serializerName: string, compression: string | undefined): EncodedBody {
    const serializer = this.#byName.get(serializerName)
    if (!serializer) throw new ImproperlyConfigured(`serializer ${serializerName} was not prepared`)
    const { contentType, contentEncoding } = serializer
    const data = serializer.dump(value)
    this.#refuseTooLarge(data)
    if (compression === undefined) return { contentType, contentEncoding, body: data, compression: undefined }
    const { header, body } = compress(compression, typeof data === 'string' ? Buffer.from(data) : data)
    return { contentType, contentEncoding, body, compression: header }
  }

  /** Throws ContentDisallowed or DecodeError. */
  load(message: Message): unknown {
    return loadBody(message, this.#acceptedTypes, this.#accepted, this.#maxBytes)
  }

  /** For remote control: as one serializer writes it, read as any that is accepted. */
  form(serializerName: string): BodyForm {
    return {
      dump: (value) => {
        const { contentType, contentEncoding, body } = this.dump(value, serializerName, undefined)
        return { contentType, contentEncoding, body }
      },
      load: (message) => this.load(message),
    }
  }

  /** The name of the serializer for a content type; undefined if it may not be read. */
  nameOf(contentType: string): string | undefined {
    return this.#accepted.find((serializer) => serializer.contentType === contentType)?.name
  }

  #refuseTooLarge(data: string | Uint8Array): void {
    // A string has at most three bytes for each of its units: most are known to fit without counting.
    if (data.length * 3 <= this.#maxBytes) return
    const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length
    if (bytes <= this.#maxBytes) return
    throw new EncodeError(
      `the arguments take ${bytes} bytes, more than task_max_message_size (${this.#maxBytes}); ` +
        'store the data and send a reference to it, or raise the setting',
    )
  }
}
