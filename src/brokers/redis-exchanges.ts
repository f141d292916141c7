import type { Channel } from './broker.ts'

/** How kombu names what it publishes; its transport options of the same names. */
export interface FanoutOptions {
  /** `/<db>.` in front of an exchange (true), nothing (false), or a text of one's own with `{db}` for the number. */
  readonly fanoutPrefix?: boolean | string
  /** Whether the routing key is part of the name. */
  readonly fanoutPatterns?: boolean
}

/** Where a channel is among kombu's exchanges. */
export interface Address {
  readonly exchange: string
  /** Of a message that is sent without one. */
  readonly routingKey: string
  /** Celery's listeners choose by the routing key, so every message has one. */
  readonly hasKeys: boolean
}

/** The direct exchange of replies to remote control. */
export const replyExchange = 'reply.celery.pidbox'

/** Undefined for replies, which wait in a list: see {@link replyQueue}. */
export function fanoutAddress(channel: Channel, eventExchange = 'celeryev'): Address | undefined {
  if (channel === 'control') return { exchange: 'celery.pidbox', routingKey: '', hasKeys: false }
  // Celery's own key for events that a worker collected.
  if (channel === 'events') return { exchange: eventExchange, routingKey: 'task.multi', hasKeys: true }
  if (channel.startsWith('tasks:')) return { exchange: channel.slice(6), routingKey: 'celery', hasKeys: true }
  return undefined
}

/** Whose replies a channel carries, and the list that they wait in. */
export function replyQueue(channel: Channel): { readonly oid: string; readonly queue: string } {
  const oid = channel.slice('reply:'.length)
  return { oid, queue: `${oid}.${replyExchange}` }
}

/** The names of kombu's pub/sub, all behind the `global_keyprefix`. */
export class Topics {
  readonly #prefix: string
  readonly #hasPatterns: boolean

  constructor(globalPrefix: string, db: number, { fanoutPrefix = true, fanoutPatterns = true }: FanoutOptions) {
    const template = fanoutPrefix === true ? '/{db}.' : fanoutPrefix === false ? '' : fanoutPrefix
    this.#prefix = globalPrefix + template.replaceAll('{db}', String(db))
    this.#hasPatterns = fanoutPatterns
  }

  /** Where a message is published. */
  topic(exchange: string, routingKey: string): string {
    const name = this.#prefix + exchange
    return this.#hasPatterns && routingKey !== '' ? `${name}/${routingKey}` : name
  }

  /** What hears every message of an address. */
  heard({ exchange, hasKeys }: Address): { readonly pattern: string } | { readonly topic: string } {
    const name = this.#prefix + exchange
    return hasKeys && this.#hasPatterns ? { pattern: `${escapeGlob(name)}/*` } : { topic: name }
  }
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, String.raw`\$&`)
}
