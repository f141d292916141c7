import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker, Outgoing } from '../brokers/broker.ts'
import { OperationalError, Unreachable } from '../errors.ts'
import { Deadlines } from '../util/deadlines.ts'

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

/**
 * Publishes again after `failure`, an OperationalError, until it works or the policy is used up; then rejects with the
 * last error, of which `onFailure` hears each. Past `giveUpAt` the caller was told that the call failed: it must not be
 * published behind his back.
 */
async function retryPublish(
  failure: unknown,
  publish: () => Promise<void>,
  { maxRetries = 3, intervalStart = 0, intervalStep = 0.2, intervalMax = 1 }: PublishRetryPolicy,
  giveUpAt: number,
  onFailure: (error: unknown) => void,
): Promise<void> {
  let error = failure
  onFailure(error)
  for (let retries = 0; error instanceof OperationalError && retries < maxRetries; retries++) {
    await sleep(Math.min(intervalStart + retries * intervalStep, intervalMax) * 1000)
    if (Date.now() >= giveUpAt) break
    try {
      return await publish()
    } catch (next) {
      error = next
      onFailure(error)
    }
  }
  throw error
}

export interface PublishLimits {
  readonly timeoutMs: number
  readonly retry: boolean
  readonly policy: PublishRetryPolicy | undefined
}

/**
 * Publishes, again after an OperationalError, and rejects after `timeoutMs` in all whatever the broker does. Who publishes
 * often shares `deadlines`, made with the same timeout.
 */
export function publishWithin(
  openBroker: () => Broker | Promise<Broker>,
  messages: readonly Outgoing[],
  { timeoutMs, retry, policy = {} }: PublishLimits,
  deadlines: Deadlines = new Deadlines(timeoutMs),
): Promise<void> {
  // The broker gives up a little earlier: it knows why, and whether anything was carried out.
  const giveUpAt = Date.now() + timeoutMs - Math.min(100, timeoutMs / 10)
  let lastError: unknown
  // Unreachable comes of opening the broker: while it is the last that happened, no message has left.
  const onOpened = (): void => void (lastError = undefined)
  const publish = (): Promise<void> => publishOnce(openBroker(), messages, retry ? giveUpAt : Date.now(), onOpened)
  const again = (error: unknown): Promise<void> =>
    retryPublish(error, publish, policy, giveUpAt, (failure) => (lastError = failure))
  return deadlines.guard(publish(), () => publishedTooLate(messages, timeoutMs, lastError), retry ? again : undefined)
}

function publishOnce(
  broker: Broker | Promise<Broker>,
  messages: readonly Outgoing[],
  giveUpAt: number,
  onOpened: () => void,
): Promise<void> {
  if ('publish' in broker) return broker.publish(messages, { giveUpAt })
  return broker.then((opened) => {
    onOpened()
    return opened.publish(messages, { giveUpAt })
  })
}

/** The failure of a publish that the broker did not confirm in time. */
function publishedTooLate(messages: readonly Outgoing[], timeoutMs: number, lastError: unknown): OperationalError {
  if (lastError instanceof Unreachable) {
    const within = `${timeoutMs / 1000} s (task_publish_timeout)`
    return new Unreachable(`${lastError.message}; nothing was sent within ${within}`, { cause: lastError })
  }
  const queues = [...new Set(messages.map((message) => message.queue))].join(', ')
  return new OperationalError(
    `the broker did not confirm ${messages.length} message(s) for ${queues} within ${timeoutMs / 1000} s (task_publish_timeout); ` +
      'they may or may not have been taken: check the broker, then call again',
    lastError === undefined ? {} : { cause: lastError },
  )
}
