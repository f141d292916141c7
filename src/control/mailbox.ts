import { randomUUID } from 'node:crypto'
import type { Audience, Broker } from '../brokers/broker.ts'
import {
  decodeControlReply,
  encodeControlRequest,
  jsonForm,
  type BodyForm,
  type ControlReply,
} from '../protocol/control-message.ts'
import type { Message } from '../protocol/message.ts'
import { durationMs, type Duration } from '../util/duration.ts'
import { LamportClock } from '../util/lamport-clock.ts'
import { Collection, type Expectation } from './collection.ts'

/** Which workers a command is for. Default: all. */
export interface Addressees {
  /** Node names, or one. */
  readonly destination?: string | readonly string[] | undefined
  /** Of node names; read as `matcher` says. */
  readonly pattern?: string | undefined
  /** Default `'glob'`: `*` and `?`; `'pcre'`: a regular expression that fits from the start. */
  readonly matcher?: 'glob' | 'pcre' | undefined
}

export interface AskOptions extends Addressees {
  /** For how long nobody may answer before that is all: it begins again with each reply. Default 1 s. */
  readonly timeout?: Duration | undefined
  /** How many replies are waited for. Default: as many as `destination` names. */
  readonly limit?: number | undefined
  /** Called with each reply as it comes. */
  readonly onReply?: ((reply: ControlReply) => void) | undefined
}

/** What only celeriac itself asks for. */
export interface AskParts {
  /** Once the question is sent. */
  readonly onSent?: () => Promise<void>
  /** How many replies are waited for, by who heard the question. Not asked where the broker cannot tell. */
  readonly expects?: (audience: Audience) => Expectation
  /** What came until then is all. */
  readonly signal?: AbortSignal
}

export interface TellOptions extends Addressees {
  /** Workers that start later hear it too, for this long. Default 0. */
  readonly retainMs?: number
  /** The caller stores REVOKED for the tasks of a revoke. */
  readonly isStored?: boolean
}

export interface MailboxOptions {
  readonly broker: () => Promise<Broker>
  /** How requests are written and replies are read. Default: JSON. */
  readonly form?: () => Promise<BodyForm>
}

/** Where replies come to. */
interface Listening {
  readonly id: string
  readonly handle: Promise<AsyncDisposable>
}

const defaultTimeout: Duration = 1

/** Asks and tells the workers at a broker, of celeriac and of Celery, without knowing their app. */
export class Mailbox {
  readonly #options: MailboxOptions
  readonly #clock = new LamportClock()
  readonly #collections = new Map<string, Collection>()
  /** One listener for all who ask at once. */
  #listening: Listening | undefined

  constructor(options: MailboxOptions) {
    this.#options = options
  }

  /** Resolves once it is sent; whether anybody heard it is not known. */
  async tell(method: string, args: Readonly<Record<string, unknown>>, options: TellOptions = {}): Promise<void> {
    const { retainMs = 0, isStored = false } = options
    const [broker, form] = await this.#open()
    const request = { method, arguments: args, ...addressed(options) }
    const message = encodeControlRequest(request, { clock: this.#clock.forward(), isStored }, form)
    await broker.broadcast(message, 'control', { retainMs })
  }

  /** Collects what the workers answer until all that are named have, `limit` replies are there, or `timeout` is over. */
  async ask(
    method: string,
    args: Readonly<Record<string, unknown>>,
    options: AskOptions = {},
    { onSent, expects, signal }: AskParts = {},
  ): Promise<readonly ControlReply[]> {
    const [broker, form] = await this.#open()
    const to = addressed(options)
    const timeoutMs = durationMs(options.timeout ?? defaultTimeout, 'timeout')
    const ticket = randomUUID()
    const collection = new Collection({
      timeoutMs,
      limit: options.limit || to.destination?.length,
      onReply: options.onReply,
    })
    this.#collections.set(ticket, collection)
    try {
      const { id, handle } = this.#listen(broker, form)
      await handle
      const replyTo = { exchange: 'reply.celery.pidbox', routingKey: id }
      const stamp = { clock: this.#clock.forward(), expires: (Date.now() + timeoutMs) / 1000 }
      const request = { method, arguments: args, ...to, replyTo, ticket }
      const audience = await broker.broadcast(encodeControlRequest(request, stamp, form), 'control')
      await onSent?.()
      return await collection.collect(audience && expects?.(audience), signal)
    } finally {
      collection.close()
      this.#collections.delete(ticket)
      await this.#stopListening()
    }
  }

  #open(): Promise<[Broker, BodyForm]> {
    const { broker, form } = this.#options
    return Promise.all([broker(), form?.() ?? jsonForm])
  }

  #listen(broker: Broker, form: BodyForm): Listening {
    if (this.#listening) return this.#listening
    // Not the one of before, whose end may still be on its way.
    const id = randomUUID()
    const handle = broker.listen(`reply:${id}`, (message) => this.#heed(message, form))
    handle.catch(() => (this.#listening = undefined))
    return (this.#listening = { id, handle })
  }

  async #stopListening(): Promise<void> {
    const listening = this.#listening
    if (this.#collections.size > 0 || !listening) return
    this.#listening = undefined
    await (await listening.handle)[Symbol.asyncDispose]()
  }

  #heed(message: Message, form: BodyForm): void {
    this.#clock.adjust(message.headers['clock'])
    const answer = decodeControlReply(message, form)
    // What comes after the time of its question finds no collection.
    if (answer) this.#collections.get(answer.ticket ?? '')?.add(answer.replies)
  }
}

function addressed({ destination, pattern, matcher }: Addressees): {
  readonly destination: readonly string[] | undefined
  readonly pattern: string | undefined
  readonly matcher: string | undefined
} {
  const names = typeof destination === 'string' ? [destination] : destination
  return {
    destination: names?.length === 0 ? undefined : names,
    pattern,
    matcher: pattern === undefined ? undefined : (matcher ?? 'glob'),
  }
}
