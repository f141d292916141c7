import zlib from 'node:zlib'
import { DecodeError, EncodeError } from '../errors.ts'
import { describeValue } from './describe-value.ts'

export interface Compressed {
  /** The value of the header `compression`. */
  readonly header: string
  readonly body: Uint8Array
}

interface Codec {
  readonly aliases: readonly string[]
  /** Missing where celeriac knows the name but not the format. */
  readonly compress?: (bytes: Uint8Array) => Uint8Array
  readonly decompress?: (bytes: Uint8Array, maxOutputLength: number) => Uint8Array
}

/** By the value of the header. What kombu calls gzip is a zlib stream. */
const codecs: Readonly<Record<string, Codec>> = {
  'application/x-gzip': {
    aliases: ['gzip', 'zlib'],
    compress: (bytes) => zlib.deflateSync(bytes),
    decompress: (bytes, maxOutputLength) => zlib.inflateSync(bytes, { maxOutputLength }),
  },
  'application/x-brotli': {
    aliases: ['brotli'],
    compress: (bytes) => zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } }),
    decompress: (bytes, maxOutputLength) => zlib.brotliDecompressSync(bytes, { maxOutputLength }),
  },
  'application/zstd': {
    aliases: ['zstd', 'zstandard'],
    compress: (bytes) => zlib.zstdCompressSync(bytes),
    decompress: (bytes, maxOutputLength) => zlib.zstdDecompressSync(bytes, { maxOutputLength }),
  },
  'application/x-bz2': { aliases: ['bzip2', 'bzip'] },
  'application/x-lzma': { aliases: ['lzma', 'xz'] },
}

const headersByName: ReadonlyMap<string, string> = new Map(
  Object.entries(codecs).flatMap(([header, { aliases }]) =>
    [header, ...aliases].map((name) => [name, header] as const),
  ),
)

/** The names that `task_compression` may have. */
export const compressionNames: readonly string[] = Object.values(codecs)
  .filter((codec) => codec.compress !== undefined)
  .flatMap((codec) => codec.aliases)

/** Compresses by one of {@link compressionNames}, or by the value of the header. Throws EncodeError for other names. */
export function compress(name: string, bytes: Uint8Array): Compressed {
  const header = headersByName.get(name)
  const codec = header === undefined ? undefined : codecs[header]
  if (header === undefined || codec?.compress === undefined) {
    const problem = header === undefined ? 'Unknown' : 'Unsupported'
    throw new EncodeError(`${problem} compression ${describeValue(name)}; choose one of ${compressionNames.join(', ')}`)
  }
  return { header, body: codec.compress(bytes) }
}

/** Undoes {@link compress}. Throws DecodeError for other names, broken bytes, and more than `maxBytes` inside. */
export function decompress(name: unknown, bytes: Uint8Array, maxBytes: number): Uint8Array {
  const header = typeof name === 'string' ? headersByName.get(name) : undefined
  const codec = header === undefined ? undefined : codecs[header]
  if (codec?.decompress === undefined) {
    const problem = header === undefined ? 'Unknown' : 'Unsupported'
    throw new DecodeError(`${problem} compression ${describeValue(name)}; readable are ${compressionNames.join(', ')}`)
  }
  try {
    return codec.decompress(bytes, maxBytes)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new DecodeError(`The body holds more than ${maxBytes} bytes when decompressed`, { cause: error })
    }
    throw new DecodeError(`The body is no ${String(name)} stream: ${(error as Error).message}`, { cause: error })
  }
}
