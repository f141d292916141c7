import { InvalidArguments } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { Broker } from '../brokers/broker.ts'
import type { BodyForm, ControlReply } from '../protocol/control-message.ts'
import type { Logger } from '../util/logger.ts'
import { Inspect, type Ask } from './inspect.ts'
import { Mailbox, type AskOptions } from './mailbox.ts'
import { duplicateNodes, okOf, Replies } from './replies.ts'

export interface ControlOptions extends AskOptions {
  /** Waits for what the workers say to it. Default false: nothing is waited for, and the replies are empty. */
  readonly reply?: boolean
}

export interface RevokeOptions extends ControlOptions {
  /** Ends a running attempt at once, where only its signal aborts otherwise. Default false. */
  readonly terminate?: boolean
  /** With `terminate`: the signal for the process of a Python worker. Default `'SIGTERM'`. */
  readonly signal?: string
}

export interface ControlParts {
  readonly broker: () => Promise<Broker>
  readonly form?: () => Promise<BodyForm>
  readonly log?: () => Logger
  /** How long workers that start later hear of a revoke. Default 0. */
  readonly revokeExpiresMs?: () => number
  /** Stores that tasks are revoked. */
  readonly storeRevoked?: (taskIds: readonly string[]) => Promise<void>
  /** Those that `purge` empties. */
  readonly queues?: () => readonly string[]
}

/** Resolves to what each worker said, such as `'pool will grow'`. */
export type Told = Promise<Replies<string>>

/**
 * Tells workers what to do, those of celeriac and of Celery alike. Without `destination` or `pattern` all of them are
 * meant. With `reply: true` each method gives what they said; a worker that refused is in `errors` of the replies.
 */
export class Control {
  /** @internal */
  readonly mailbox: Mailbox
  readonly #parts: ControlParts

  constructor(parts: ControlParts) {
    this.#parts = parts
    this.mailbox = new Mailbox(parts)
  }

  /** Questions that change nothing. */
  inspect(options: AskOptions = {}): Inspect {
    return new Inspect(this.#ask, options)
  }

  /** `'pong'` from each worker that is there. */
  ping(options: AskOptions = {}): Told {
    return this.inspect(options).ping()
  }

  /**
   * Drops waiting calls, also in workers that start within `worker_revoke_expires`; running ones are asked to stop. Not
   * retained where only some workers are meant.
   */
  async revoke(taskIds: string | readonly string[], options: RevokeOptions = {}): Told {
    checkTaskIds(taskIds)
    const { terminate = false, signal = 'SIGTERM', ...others } = options
    const replies = await this.#retained('revoke', { task_id: taskIds, terminate, signal }, others)
    await this.#parts.storeRevoked?.(typeof taskIds === 'string' ? [taskIds] : taskIds)
    return replies
  }

  /** `revoke` with `terminate`. */
  terminate(taskIds: string | readonly string[], options: Omit<RevokeOptions, 'terminate'> = {}): Told {
    return this.revoke(taskIds, { ...options, terminate: true })
  }

  /** Drops calls that bear one of these stamps: `{ customer: ['17', '18'] }`. */
  revokeByStampedHeaders(
    headers: Readonly<Record<string, string | readonly string[]>>,
    options: RevokeOptions = {},
  ): Told {
    const { terminate = false, signal = 'SIGTERM', ...others } = options
    return this.#retained('revoke_by_stamped_headers', { headers, terminate, signal }, others)
  }

  /** Starts of a task in each worker: `'10/m'`, a number a second, 0 for no limit. Until the worker ends. */
  rateLimit(taskName: string, rateLimit: string | number, options?: ControlOptions): Told {
    return this.#tell('rate_limit', { task_name: taskName, rate_limit: rateLimit }, options)
  }

  /** Limits of a task in seconds, for calls that begin from now on. Until the worker ends; what is left out has no limit. */
  timeLimit(
    taskName: string,
    limits: { readonly soft?: number; readonly hard?: number },
    options?: ControlOptions,
  ): Told {
    const { soft = null, hard = null } = limits
    return this.#tell('time_limit', { task_name: taskName, hard, soft }, options)
  }

  /** Has workers take from one more queue. */
  addConsumer(queue: string, options?: ControlOptions): Told {
    return this.#tell('add_consumer', { queue, exchange: null, exchange_type: 'direct', routing_key: null }, options)
  }

  /** Has workers take no more from a queue. */
  cancelConsumer(queue: string, options?: ControlOptions): Told {
    return this.#tell('cancel_consumer', { queue }, options)
  }

  poolGrow(n = 1, options?: ControlOptions): Told {
    return this.#tell('pool_grow', { n }, options)
  }

  poolShrink(n = 1, options?: ControlOptions): Told {
    return this.#tell('pool_shrink', { n }, options)
  }

  /** Changes the bounds of pools that scale by themselves. */
  autoscale(max: number, min: number, options?: ControlOptions): Told {
    return this.#tell('autoscale', { max, min }, options)
  }

  /** Replaces threads and processes, in workers with `worker_pool_restarts`. */
  poolRestart(options?: ControlOptions): Told {
    return this.#tell('pool_restart', { modules: null, reload: false, reloader: null }, options)
  }

  enableEvents(options?: ControlOptions): Told {
    return this.#tell('enable_events', {}, options)
  }

  disableEvents(options?: ControlOptions): Told {
    return this.#tell('disable_events', {}, options)
  }

  /** Has workers send a heartbeat at once. */
  heartbeat(options?: ControlOptions): Told {
    return this.#tell('heartbeat', {}, options)
  }

  /** A warm shutdown. Workers do not reply to it. */
  async shutdown(options: Omit<ControlOptions, 'reply'> = {}): Promise<void> {
    await this.mailbox.tell('shutdown', {}, options)
  }

  /** Deletes the waiting messages of the queues that the settings name, or of these, and returns how many there were. */
  async purge(queues: readonly string[] = this.#parts.queues?.() ?? []): Promise<number> {
    const broker = await this.#parts.broker()
    let purged = 0
    for (const queue of queues) purged += await broker.purge(queue)
    return purged
  }

  /** Any command by its name, such as one of your own. */
  broadcast<T = unknown>(
    method: string,
    args: Readonly<Record<string, unknown>> = {},
    options: ControlOptions = {},
  ): Promise<Replies<T>> {
    return this.#send(method, args, (value) => value as T, options)
  }

  readonly #ask: Ask = async (method, args, decode, options) => {
    const replies = await this.mailbox.ask(method, args, options)
    return this.#repliesOf(replies, decode)
  }

  #tell(method: string, args: Readonly<Record<string, unknown>>, options: ControlOptions = {}): Told {
    return this.#send(method, args, okOf, options)
  }

  async #send<T>(
    method: string,
    args: Readonly<Record<string, unknown>>,
    decode: (value: unknown) => T,
    { reply = false, ...options }: ControlOptions,
  ): Promise<Replies<T>> {
    if (reply) return this.#ask(method, args, decode, options)
    await this.mailbox.tell(method, args, options)
    return new Replies([], decode)
  }

  /** Also for workers that start later. What is retained asks for no reply: nobody would wait for it. */
  async #retained(
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

/** What is no id would be kept, and refused by every worker that starts. */
function checkTaskIds(given: unknown): void {
  const ids: readonly unknown[] = Array.isArray(given) ? given : [given]
  for (const id of ids) {
    if (typeof id !== 'string' || id === '')
      throw new InvalidArguments(`revoke() needs the id of a task, or a list of ids; got ${describeValue(id)}`)
  }
}
