import type { Message } from './message.ts'

/** A remote-control request, as kombu's pidbox sends it (celery-wire 9.1). */
export interface ControlRequest {
  readonly method: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** Node names; undefined: every worker that `pattern` fits. */
  readonly destination: readonly string[] | undefined
  /** Of node names, read as `matcher` says: `glob` or `pcre`. Undefined: every worker. */
  readonly pattern?: string | undefined
  readonly matcher?: string | undefined
}

export function encodeControlRequest(request: ControlRequest): Message {
  const { method, arguments: args, destination = null, pattern = null, matcher = null } = request
  return {
    // The clock is of the sender's mailbox, which is new; 0 for expires: never.
    headers: { clock: 1, expires: 0 },
    properties: { deliveryMode: 2 },
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: JSON.stringify({ method, arguments: args, destination, pattern, matcher }),
  }
}

/** Undefined for what is no request: whoever listens must survive anything on the channel. */
export function decodeControlRequest(message: Message): ControlRequest | undefined {
  try {
    const text = typeof message.body === 'string' ? message.body : new TextDecoder().decode(message.body)
    const body = JSON.parse(text) as Partial<Record<string, unknown>> | null
    if (typeof body?.['method'] !== 'string') return undefined
    const { arguments: args, destination, pattern, matcher } = body
    return {
      method: body['method'],
      arguments: typeof args === 'object' && args !== null ? (args as Record<string, unknown>) : {},
      // An empty list is as none.
      destination: Array.isArray(destination) && destination.length > 0 ? destination.map(String) : undefined,
      pattern: typeof pattern === 'string' ? pattern : undefined,
      matcher: typeof matcher === 'string' ? matcher : undefined,
    }
  } catch {
    return undefined
  }
}

/** Whether a request is for this worker. */
export function isAddressedTo(
  { destination, pattern, matcher }: Pick<ControlRequest, 'destination' | 'pattern' | 'matcher'>,
  nodeName: string,
): boolean {
  if (destination) return destination.includes(nodeName)
  if (pattern === undefined || matcher === undefined) return true
  try {
    return (matcher === 'pcre' ? new RegExp(`^(?:${pattern})`) : globPattern(pattern)).test(nodeName)
  } catch {
    return false
  }
}

/** Python's fnmatch: `*`, `?`, `[abc]`, `[!abc]`. */
function globPattern(glob: string): RegExp {
  const source = glob.replace(/\[!?[^\]]+\]|[\s\S]/g, (part) => {
    if (part === '*') return '.*'
    if (part === '?') return '.'
    if (part.length > 1) return part.replace(/^\[!/, '[^').replaceAll('\\', '\\\\')
    return part.replace(/[\\^$.|+()[\]{}]/, String.raw`\$&`)
  })
  return new RegExp(`^${source}$`, 's')
}
