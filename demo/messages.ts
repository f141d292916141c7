import type { Finding } from './tasks.ts'

/** What the producer process tells, in this order; `progress` many times. */
export type ProducerMessage =
  | {
      readonly kind: 'called'
      /** Task ids of calls in a transaction that was rolled back. */
      readonly rolledBack: readonly string[]
      /** Text that it wrote into every country before the calls. */
      readonly note: string
      readonly waitingBeforeCommit: number
      readonly waitingAfterRollback: number
      readonly waiting: number
      readonly calls: number
    }
  | { readonly kind: 'progress'; readonly done: number }
  | {
      readonly kind: 'finished'
      readonly findings: readonly Finding[]
      readonly measured: number
      readonly failures: readonly string[]
    }

/** What the worker process tells. */
export type WorkerMessage = { readonly kind: 'ready' } | { readonly kind: 'stopped'; readonly retries: number }

/** What the main process tells the producer. */
export interface WaitMessage {
  readonly kind: 'wait'
}

/** Sends to the main process; resolves once it is handed over. */
export function tell(message: ProducerMessage | WorkerMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!process.send) throw new Error('this file is started by demo/main.ts')
    process.send(message, undefined, undefined, (error) => (error ? reject(error) : resolve()))
  })
}
