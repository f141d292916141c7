import type { CompiledOptions } from '../app/compiled-options.ts'
import type { Delivery } from '../brokers/broker.ts'
import type { Execution, Job } from '../pools/pool.ts'
import type { ReceivedTask, TaskHeaders } from '../protocol/task-message.ts'
import type { InBag } from '../util/bag.ts'

/** One received task: what is known of it, and what runs. */
export class Request implements InBag {
  readonly delivery: Delivery
  readonly headers: TaskHeaders
  readonly options: CompiledOptions
  readonly job: Job
  execution: Execution | undefined
  /** Acknowledged before the body ran: nothing is left to settle. */
  isSettled = false
  /** Of a body that must not begin twice: where that is noted. */
  begun: { readonly workflowId: string; readonly part: number } | undefined
  /** When it was taken, in ms since the epoch; 0 while nobody observes the tasks. */
  receivedAtMs = 0
  /** When a slot began with it, in ms since the epoch; 0 before. */
  startedAtMs = 0
  /** Its id as JSON, for events; empty before the first. */
  uuid = ''
  /** Among the running. */
  bagIndex = -1

  constructor(delivery: Delivery, received: ReceivedTask, options: CompiledOptions, limits: TimeLimits) {
    this.delivery = delivery
    this.headers = received.headers
    this.options = options
    const { hardTimeLimit, softTimeLimit } = received.headers
    this.job = {
      headers: received.headers,
      protocol: received.protocol,
      message: delivery.message,
      queue: delivery.queue,
      deliveryCount: delivery.deliveryCount,
      hardTimeLimitMs: hardTimeLimit === undefined ? (options.timeLimitMs ?? limits.hardMs) : hardTimeLimit * 1000,
      softTimeLimitMs: softTimeLimit === undefined ? (options.softTimeLimitMs ?? limits.softMs) : softTimeLimit * 1000,
      showsResult: false,
    }
  }

  get id(): string {
    return this.headers.id
  }

  get taskName(): string {
    return this.headers.task
  }

  isExpired(): boolean {
    const { expires } = this.headers
    return expires !== undefined && expires.getTime() <= Date.now()
  }
}

/** The worker's own limits, for tasks that have none. */
export interface TimeLimits {
  readonly hardMs: number | undefined
  readonly softMs: number | undefined
}
