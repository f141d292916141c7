import { InvalidArguments } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { CommandSender, type ControlOptions, type SenderParts, type Told } from './command-sender.ts'
import { Inspect } from './inspect.ts'
import type { AskOptions, Mailbox } from './mailbox.ts'
import type { Replies } from './replies.ts'

export interface RevokeOptions extends ControlOptions {
  /** Ends a running attempt at once, where only its signal aborts otherwise. Default false. */
  readonly terminate?: boolean
  /** With `terminate`: the signal for the process of a Python worker. Default `'SIGTERM'`. */
  readonly signal?: string
}

export interface ControlParts extends SenderParts {
  /** Those that `purge` empties. */
  readonly queues?: () => readonly string[]
}

/**
 * Tells workers what to do, those of celeriac and of Celery alike. Without `destination` or `pattern` all of them are
 * meant. With `reply: true` each method gives what they said; a worker that refused is in `errors` of the replies.
 */
export class Control {
  readonly #sender: CommandSender
  readonly #parts: ControlParts

  constructor(parts: ControlParts) {
    this.#parts = parts
    this.#sender = new CommandSender(parts)
  }

  /** @internal */
  get mailbox(): Mailbox {
    return this.#sender.mailbox
  }

  /** Questions that change nothing. */
  inspect(options: AskOptions = {}): Inspect {
    return new Inspect(this.#sender.ask, options)
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
    const replies = await this.#sender.tellRetained('revoke', { task_id: taskIds, terminate, signal }, others)
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
    return this.#sender.tellRetained('revoke_by_stamped_headers', { headers, terminate, signal }, others)
  }

  /** Starts of a task in each worker: `'10/m'`, a number a second, 0 for no limit. Until the worker ends. */
  rateLimit(taskName: string, rateLimit: string | number, options?: ControlOptions): Told {
    return this.#sender.tell('rate_limit', { task_name: taskName, rate_limit: rateLimit }, options)
  }

  /** Limits of a task in seconds, for calls that begin from now on. Until the worker ends; what is left out has no limit. */
  timeLimit(
    taskName: string,
    limits: { readonly soft?: number; readonly hard?: number },
    options?: ControlOptions,
  ): Told {
    const { soft = null, hard = null } = limits
    return this.#sender.tell('time_limit', { task_name: taskName, hard, soft }, options)
  }

  /** Has workers take from one more queue. */
  addConsumer(queue: string, options?: ControlOptions): Told {
    return this.#sender.tell(
      'add_consumer',
      { queue, exchange: null, exchange_type: 'direct', routing_key: null },
      options,
    )
  }

  /** Has workers take no more from a queue. */
  cancelConsumer(queue: string, options?: ControlOptions): Told {
    return this.#sender.tell('cancel_consumer', { queue }, options)
  }

  poolGrow(n = 1, options?: ControlOptions): Told {
    return this.#sender.tell('pool_grow', { n }, options)
  }

  poolShrink(n = 1, options?: ControlOptions): Told {
    return this.#sender.tell('pool_shrink', { n }, options)
  }

  /** Changes the bounds of pools that scale by themselves. */
  autoscale(max: number, min: number, options?: ControlOptions): Told {
    return this.#sender.tell('autoscale', { max, min }, options)
  }

  /** Replaces threads and processes, in workers with `worker_pool_restarts`. */
  poolRestart(options?: ControlOptions): Told {
    return this.#sender.tell('pool_restart', { modules: null, reload: false, reloader: null }, options)
  }

  enableEvents(options?: ControlOptions): Told {
    return this.#sender.tell('enable_events', {}, options)
  }

  disableEvents(options?: ControlOptions): Told {
    return this.#sender.tell('disable_events', {}, options)
  }

  /** Has workers send a heartbeat at once. */
  heartbeat(options?: ControlOptions): Told {
    return this.#sender.tell('heartbeat', {}, options)
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
    return this.#sender.send(method, args, (value) => value as T, options)
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
