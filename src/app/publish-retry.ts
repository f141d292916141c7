import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker, Outgoing } from '../brokers/broker.ts'
import { OperationalError } from '../errors.ts'

/** How a publish is tried again while the broker cannot be reached. Seconds, as in Celery's `retry_policy`. */
export interface PublishRetryPolicy {
  /** Default 3. */
  readonly maxRetries?: number
  /** Default 0. */
  readonly intervalStart?: number
  /** Added after each retry. Default 0.2. */
  readonly intervalStep?: number
  /** Default 1. */
  readonly intervalMax?: number
}

interface PublishLimits {
  readonly timeoutMs: number
  readonly retry: boolean
  readonly policy: PublishRetryPolicy | undefined
}

/** Publishes, again after an OperationalError, and gives up after `timeoutMs` in all whatever the broker does. */
export async function publishWithin(
  openBroker: () => Broker | Promise<Broker>,
  messages: readonly Outgoing[],
  limits: PublishLimits,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLate(messages, limits.timeoutMs)), limits.timeoutMs)
  })
  try {
    await Promise.race([publishWithRetries(openBroker, messages, limits), deadline])
  } finally {
    clearTimeout(timer)
  }
}

async function publishWithRetries(
  openBroker: () => Broker | Promise<Broker>,
  messages: readonly Outgoing[],
  { retry, policy = {}, timeoutMs }: PublishLimits,
): Promise<void> {
  const { maxRetries = 3, intervalStart = 0, intervalStep = 0.2, intervalMax = 1 } = policy
  const giveUpAt = Date.now() + timeoutMs
  for (let retries = 0; ; retries++) {
    try {
      return await (await openBroker()).publish(messages)
    } catch (error) {
      // Past the deadline the caller was told that the call failed: it must not be published behind his back.
      if (!(error instanceof OperationalError) || !retry || retries >= maxRetries || Date.now() >= giveUpAt) throw error
      await sleep(Math.min(intervalStart + retries * intervalStep, intervalMax) * 1000)
    }
  }
}

function tooLate(messages: readonly Outgoing[], timeoutMs: number): OperationalError {
  const queues = [...new Set(messages.map((message) => message.queue))].join(', ')
  return new OperationalError(
    `the broker did not confirm ${messages.length} message(s) for ${queues} within ${timeoutMs / 1000} s (task_publish_timeout); ` +
      'they may or may not have been taken: check the broker, then call again',
  )
}
