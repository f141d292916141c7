import type { Celeriac } from '../app/app.ts'
import { aborted } from '../util/aborted.ts'
import type { Consumer } from './consumer.ts'
import { setLongTimeout } from '../util/long-timeout.ts'

/** How a worker ended. */
export interface ShutdownSummary {
  readonly how: 'warm' | 'cold'
  /** Bodies that got done after the shutdown had begun. */
  readonly finished: number
  /** Messages that had not begun, back in their queues uncounted. */
  readonly givenBack: number
  /** Bodies that were told to stop; their messages are back in their queues, uncounted. */
  readonly cutOff: number
}

export interface ShutdownOptions {
  readonly app: Celeriac
  readonly workerName: string
  /** How long it stays warm. */
  readonly timeoutMs: number
  /** Makes it cold at once; aborted here when the time is over. */
  readonly killing: AbortController
}

/** Warm until the deadline, a second signal makes it cold at once. Resolves when nothing runs any more. */
export async function shutDown(
  consumer: Consumer,
  { app, workerName, timeoutMs, killing }: ShutdownOptions,
): Promise<void> {
  const how = killing.signal.aborted ? 'cold' : 'warm'
  app.log.info(
    { workerName, how, running: consumer.running.size },
    '{workerName}: {how} shutdown, {running} task(s) running',
  )
  await app.signals.emit('workerShuttingDown', { workerName, how })
  const timer = setLongTimeout(() => killing.abort(), timeoutMs)
  try {
    const isDone = await Promise.race([consumer.stop().then(() => true), aborted(killing.signal).then(() => false)])
    if (isDone) return
    app.log.warn(
      { workerName, running: consumer.running.size },
      '{workerName}: cold shutdown, {running} task(s) are stopped and given back',
    )
    await consumer.running.abort()
  } finally {
    clearTimeout(timer)
  }
}

/** What became of what the worker had. */
export function summaryOf(consumer: Consumer, killing: AbortController): ShutdownSummary {
  return { how: killing.signal.aborted ? 'cold' : 'warm', ...consumer.tally }
}
