import type { Message } from './message.ts'

/** A remote-control request, as kombu's pidbox sends it (celery-wire 9.1). */
export interface ControlRequest {
  readonly method: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** Node names; undefined: every worker. */
  readonly destination: readonly string[] | undefined
}

export function encodeControlRequest({ method, arguments: args, destination }: ControlRequest): Message {
  const body = { method, arguments: args, destination: destination ?? null, pattern: null, matcher: null }
  return {
    headers: {},
    properties: { deliveryMode: 1 },
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: JSON.stringify(body),
  }
}

/** Undefined for what is no request: whoever listens must survive anything on the channel. */
export function decodeControlRequest(message: Message): ControlRequest | undefined {
  try {
    const text = typeof message.body === 'string' ? message.body : new TextDecoder().decode(message.body)
    const body = JSON.parse(text) as Partial<Record<string, unknown>> | null
    if (typeof body?.['method'] !== 'string') return undefined
    const args = body['arguments']
    const destination = body['destination']
    return {
      method: body['method'],
      arguments: typeof args === 'object' && args !== null ? (args as Record<string, unknown>) : {},
      destination: Array.isArray(destination) ? destination.map(String) : undefined,
    }
  } catch {
    return undefined
  }
}
