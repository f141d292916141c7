import { asRecord, asText } from './reply-values.ts'

/** A queue that a worker takes from (celery-wire 9.6). */
export interface QueueInfo {
  readonly name: string
  readonly exchange: { readonly name: string; readonly type: string }
  readonly routingKey: string
  /** As the worker told it, with all that kombu knows of a queue. */
  readonly details: Readonly<Record<string, unknown>>
}

/** A queue with an exchange of its own name, as kombu describes it. */
export function encodeQueueInfo(name: string, exchange: { readonly name: string; readonly type: string }): object {
  return {
    name,
    exchange: {
      ...exchange,
      arguments: null,
      durable: true,
      passive: false,
      auto_delete: false,
      delivery_mode: null,
      no_declare: false,
    },
    routing_key: name,
    queue_arguments: null,
    binding_arguments: null,
    consumer_arguments: null,
    durable: true,
    exclusive: false,
    auto_delete: false,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: null,
    message_ttl: null,
    max_length: null,
    max_length_bytes: null,
    max_priority: null,
  }
}

export function decodeQueueInfo(value: unknown): QueueInfo {
  const queue = asRecord(value)
  const exchange = asRecord(queue['exchange'])
  return {
    name: asText(queue['name']),
    exchange: { name: asText(exchange['name']), type: asText(exchange['type'], 'direct') },
    routingKey: asText(queue['routing_key']),
    details: queue,
  }
}
