/** Values to bytes and back. Decoding runs no code of the message and touches no prototype. */
export interface Serializer {
  /** The name in settings: `json`, `msgpack`, `yaml`. */
  readonly name: string
  readonly contentType: string
  readonly contentEncoding: 'utf-8' | 'binary'
  /** Throws EncodeError, naming the path of what cannot be written (`$[0].user`). */
  dump(value: unknown): string | Uint8Array
  /** Throws DecodeError for any bytes that are not a value. */
  load(data: string | Uint8Array): unknown
}
