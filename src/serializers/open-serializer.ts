import { ContentDisallowed, DecodeError, ImproperlyConfigured } from '../errors.ts'
import { decompress } from '../protocol/compression.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { Message } from '../protocol/message.ts'
import { jsonSerializer } from './json.ts'
import type { Serializer } from './serializer.ts'

export { jsonSerializer }

interface Opener {
  readonly contentType: string
  /** The optional peer it needs. */
  readonly peer?: string
  open(): Promise<Serializer>
}

const openers: ReadonlyMap<string, Opener> = new Map<string, Opener>([
  ['json', { contentType: 'application/json', open: () => Promise.resolve(jsonSerializer) }],
  [
    'msgpack',
    {
      contentType: 'application/x-msgpack',
      peer: '@msgpack/msgpack',
      open: async () => (await import('./msgpack.ts')).openMsgpack(),
    },
  ],
  [
    'yaml',
    { contentType: 'application/x-yaml', peer: 'yaml', open: async () => (await import('./yaml.ts')).openYaml() },
  ],
])

/** The names that `task_serializer` and `accept_content` may have. */
export const serializerNames: readonly string[] = [...openers.keys()]

/** By name or content type. Throws ImproperlyConfigured for an unknown name, and where its package is not installed. */
export async function openSerializer(name: string): Promise<Serializer> {
  const opener = openers.get(name) ?? [...openers.values()].find(({ contentType }) => contentType === name)
  if (opener === undefined) {
    throw new ImproperlyConfigured(
      `Unknown serializer ${describeValue(name)}; choose one of ${serializerNames.join(', ')}`,
    )
  }
  try {
    return await opener.open()
  } catch (error) {
    if (opener.peer === undefined || !isMissing(error, opener.peer)) throw error
    throw new ImproperlyConfigured(
      `The serializer ${name} needs the package ${opener.peer}, which is not installed: npm i ${opener.peer}`,
      { cause: error },
    )
  }
}

function isMissing(error: unknown, peer: string): boolean {
  return (
    error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(peer)
  )
}

/**
 * The value in a message's body, decompressed and deserialized. Throws ContentDisallowed for a content type that is not
 * in `accept`, DecodeError for everything else that cannot be read, and for more than `maxBytes` (64 MiB), as they came or
 * decompressed.
 */
export function loadBody(
  message: Message,
  accept: ReadonlySet<string>,
  serializers: readonly Serializer[],
  maxBytes: number = 64 * 1024 * 1024,
): unknown {
  const { contentType, headers } = message
  const serializer = serializers.find((candidate) => candidate.contentType === contentType)
  if (serializer === undefined || !accept.has(contentType)) {
    const accepted = [...accept].join(', ')
    throw new ContentDisallowed(`Content type ${describeValue(contentType)} is refused; accepted are: ${accepted}`)
  }
  const body = message.body
  // A text has one to three bytes for each of its units.
  const size = typeof body === 'string' && body.length * 3 > maxBytes ? Buffer.byteLength(body) : body.length
  if (size > maxBytes) throw new DecodeError(`The body has ${size} bytes; at most ${maxBytes} are taken`)
  const compression = headers['compression'] ?? undefined
  if (compression === undefined) return serializer.load(body)
  if (typeof body === 'string') throw new DecodeError('The body is a text, yet has the header compression')
  return serializer.load(decompress(compression, body, maxBytes))
}
