import type { Broker } from '../brokers/broker.ts'
import type { BodyForm, ControlReply } from '../protocol/control-message.ts'
import type { Logger } from '../util/logger.ts'
import type { Ask } from './inspect.ts'
import { Mailbox, type AskOptions } from './mailbox.ts'
import { duplicateNodes, okOf, Replies } from './replies.ts'

export interface ControlOptions extends AskOptions {
  /** Waits for what the workers say to it. Default false: nothing is waited for, and the replies are empty. */
  readonly reply?: boolean
}

/** Resolves to what each worker said, such as `'pool will grow'`. */
export type Told = Promise<Replies<string>>

export interface SenderParts {
  readonly broker: () => Promise<Broker>
  readonly form?: () => Promise<BodyForm>
  readonly log?: () => Logger
  /** How long workers that start later hear of a revoke. Default 0. */
  readonly revokeExpiresMs?: () => number
  /** Stores that tasks are revoked. */
  readonly storeRevoked?: (taskIds: readonly string[]) => Promise<void>
}

/** Sends commands to workers, and reads what they say where that is waited for. */
export class CommandSender {
  readonly mailbox: Mailbox
  readonly #parts: SenderParts

  constructor(parts: SenderParts) {
    this.#parts = parts
    this.mailbox = new Mailbox(parts)
  }

  readonly ask: Ask = async (method, args, decode, options) => {
    const replies = await this.mailbox.ask(method, args, options)
    return this.#repliesOf(replies, decode)
  }

  tell(method: string, args: Readonly<Record<string, unknown>>, options: ControlOptions = {}): Told {
    return this.send(method, args, okOf, options)
  }

  async send<T>(
    method: string,
    args: Readonly<Record<string, unknown>>,
    decode: (value: unknown) => T,
    { reply = false, ...options }: ControlOptions,
  ): Promise<Replies<T>> {
    if (reply) return this.ask(method, args, decode, options)
    await this.mailbox.tell(method, args, options)
    return new Replies([], decode)
  }

  /** Also for workers that start later. What is retained asks for no reply: nobody would wait for it. */
  async tellRetained(
    method: string,
    args: Readonly<Record<string, unknown>>,
    { reply = false, ...options }: ControlOptions,
  ): Told {
    const isForAll = options.destination === undefined && options.pattern === undefined
    const retainMs = isForAll ? (this.#parts.revokeExpiresMs?.() ?? 0) : 0
    const isStored = this.#parts.storeRevoked !== undefined
    const retain = (): Promise<void> => this.mailbox.tell(method, args, { ...options, retainMs, isStored })
    if (!reply) await retain()
    const replies = reply ? await this.mailbox.ask(method, args, options, retainMs > 0 ? { onSent: retain } : {}) : []
    return this.#repliesOf(replies, okOf)
  }

  #repliesOf<T>(replies: readonly ControlReply[], decode: (value: unknown) => T): Replies<T> {
    const duplicates = duplicateNodes(replies)
    if (duplicates.length > 0) {
      this.#parts
        .log?.()
        .warn({ nodes: duplicates.join(', ') }, 'Several workers have one name ({nodes}): give each its own with -n')
    }
    return new Replies(replies, decode)
  }
}
