import { isRecord } from '../protocol/describe-value.ts'
import {
  decodeQueriedTask,
  decodeScheduledTask,
  decodeTaskInfo,
  type QueriedTask,
  type ScheduledTask,
  type TaskInfo,
} from '../protocol/task-info.ts'
import { decodeQueueInfo, type QueueInfo } from '../protocol/queue-info.ts'
import { decodeStats, type WorkerStats } from '../protocol/worker-stats.ts'
import type { AskOptions } from './mailbox.ts'
import { okOf, type Replies } from './replies.ts'

/** Asks workers, and reads what they answer. */
export type Ask = <T>(
  method: string,
  args: Readonly<Record<string, unknown>>,
  decode: (value: unknown) => T,
  options: AskOptions,
) => Promise<Replies<T>>

export interface Mingled {
  readonly clock: number
  /** Ids of tasks that the worker knows to be revoked. */
  readonly revoked: readonly string[]
}

/**
 * Questions to workers, which change nothing. Each gives what was answered, by node name: an empty map if nobody did.
 * Workers of Celery answer as well as those of celeriac.
 */
export class Inspect {
  readonly #ask: Ask
  readonly #options: AskOptions

  constructor(ask: Ask, options: AskOptions) {
    this.#ask = ask
    this.#options = options
  }

  /** `'pong'` from each worker that is there. */
  ping(): Promise<Replies<string>> {
    return this.ask('ping', {}, okOf)
  }

  /** Tasks that run. `safe`: arguments as texts. */
  active(options: { readonly safe?: boolean } = {}): Promise<Replies<TaskInfo[]>> {
    return this.ask('active', { safe: options.safe ?? null }, listOf(decodeTaskInfo))
  }

  /** Tasks that a worker holds and has not begun; of one of celeriac the next hundred. */
  reserved(): Promise<Replies<TaskInfo[]>> {
    return this.ask('reserved', {}, listOf(decodeTaskInfo))
  }

  /**
   * Tasks that wait for their ETA: of a Python worker those that it holds, of one of celeriac the next hundred of each of
   * its queues, which any worker may run.
   */
  scheduled(): Promise<Replies<ScheduledTask[]>> {
    return this.ask('scheduled', {}, listOf(decodeScheduledTask))
  }

  /** Ids of tasks that will not run. */
  revoked(): Promise<Replies<string[]>> {
    return this.ask('revoked', {}, listOf(String))
  }

  /** Names of the tasks, with the attributes that are named (default: exchange, routing_key, rate_limit) where they are set. */
  registered(...attributes: readonly string[]): Promise<Replies<string[]>> {
    return this.ask('registered', { taskinfoitems: attributes }, listOf(String))
  }

  stats(): Promise<Replies<WorkerStats>> {
    return this.ask('stats', {}, decodeStats)
  }

  /** Queues that a worker takes from. */
  activeQueues(): Promise<Replies<QueueInfo[]>> {
    return this.ask('active_queues', {}, listOf(decodeQueueInfo))
  }

  /** Settings that differ from the defaults, or all, by Celery's names. Secrets are masked. */
  conf(options: { readonly withDefaults?: boolean } = {}): Promise<Replies<Readonly<Record<string, unknown>>>> {
    return this.ask('conf', { with_defaults: options.withDefaults ?? false }, recordOf)
  }

  /** What is known of these tasks, by id. A worker that has none of them answers with an empty record. */
  queryTask(...ids: readonly string[]): Promise<Replies<Readonly<Record<string, QueriedTask>>>> {
    return this.ask('query_task', { ids }, (value) =>
      Object.fromEntries(Object.entries(recordOf(value)).map(([id, task]) => [id, decodeQueriedTask(task)])),
    )
  }

  /** Versions, platform and settings as text. */
  report(): Promise<Replies<string>> {
    return this.ask('report', {}, okOf)
  }

  /** The logical clock. */
  clock(): Promise<Replies<number>> {
    return this.ask('clock', {}, (value) => Number(recordOf(value)['clock']))
  }

  /** What workers tell one that starts. */
  hello(fromNode: string, revoked: readonly string[] = []): Promise<Replies<Mingled>> {
    return this.ask('hello', { from_node: fromNode, revoked }, decodeMingled)
  }

  /** The memory of the process now, such as `'85.3MB'`; undefined where a Python worker cannot tell. */
  memsample(): Promise<Replies<string | undefined>> {
    return this.ask('memsample', {}, (value) => (typeof value === 'string' ? value : undefined))
  }

  /** The memory at the last `memsample`s, and now, as text. */
  memdump(samples = 10): Promise<Replies<string>> {
    return this.ask('memdump', { samples }, String)
  }

  /** Any other question, such as a command of your own. */
  ask<T = unknown>(
    method: string,
    args: Readonly<Record<string, unknown>> = {},
    decode: (value: unknown) => T = (value) => value as T,
  ): Promise<Replies<T>> {
    return this.#ask(method, args, decode, this.#options)
  }
}

function listOf<T>(decode: (value: unknown) => T): (value: unknown) => T[] {
  return (value) => (Array.isArray(value) ? value.map((item: unknown) => decode(item)) : [])
}

function recordOf(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {}
}

function decodeMingled(value: unknown): Mingled {
  const { clock, revoked } = recordOf(value)
  return {
    clock: Number(clock ?? 0),
    revoked: Array.isArray(revoked) ? revoked.map(String) : Object.keys(recordOf(revoked)),
  }
}
