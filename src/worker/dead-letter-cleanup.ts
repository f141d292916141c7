import { deleteExpiredDeadLetters } from '../app/dead-letters.ts'
import type { Broker } from '../brokers/broker.ts'
import type { Logger } from '../util/logger.ts'
import { Cleanup } from './cleanup.ts'

/** Of each round so many ids are named in the log. */
const mostNamed = 20

export interface DeadLetterCleanupOptions {
  readonly broker: Broker
  readonly log: Logger
  /** `dead_letter_expires` */
  readonly expiresMs: number
  /** Those whose dead letters are deleted. */
  readonly queues: () => Iterable<string>
}

/** Deletes dead letters that nobody sent back in time. Nothing goes without a trace: the log says which. */
export function openDeadLetterCleanup({ broker, log, expiresMs, queues }: DeadLetterCleanupOptions): Cleanup {
  const clean = async (): Promise<void> => {
    for (const queue of queues()) {
      for await (const letters of deleteExpiredDeadLetters(broker, queue, expiresMs)) {
        const ids = letters.slice(0, mostNamed).map(({ taskId = '?', taskName = '?' }) => `${taskName}[${taskId}]`)
        const more = letters.length > mostNamed ? `, and ${letters.length - mostNamed} more` : ''
        log.warn(
          { queue, deleted: letters.length, days: round(expiresMs / 86_400_000), tasks: ids.join(', ') + more },
          'Deleted {deleted} dead letter(s) of {queue} that were older than {days} day(s), dead_letter_expires: {tasks}',
        )
      }
    }
  }
  return new Cleanup({ what: 'Expired dead letters', log, expiresMs, clean })
}

function round(days: number): number {
  return Math.round(days * 1000) / 1000
}
