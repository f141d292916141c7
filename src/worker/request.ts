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
      hardTimeLimitMs: effectiveLimitMs(hardTimeLimit, options.timeLimitMs ?? limits.hardMs),
      softTimeLimitMs: effectiveLimitMs(softTimeLimit, options.softTimeLimitMs ?? limits.softMs),
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

/** Of the call, in seconds, else as the task or the worker have it. 0 is no limit. */
export function effectiveLimitMs(ofCall: number | undefined, otherwiseMs: number | undefined): number | undefined {
  const ms = ofCall === undefined ? otherwiseMs : ofCall * 1000
  return ms === 0 ? undefined : ms
}

/** The worker's own limits, for tasks that have none. */
export interface TimeLimits {
  readonly hardMs: number | undefined
  readonly softMs: number | undefined
}
