import type { Suite } from '../lib/suite.ts'
import { processAtConcurrencyOne, processWithoutResults, processWithResults } from './cases/process.ts'
import { delayAndGet, delayConcurrently, delayMany, delayOneByOne } from './cases/publish.ts'
import { startLatency } from './cases/start-latency.ts'
import { idleWorker, workerStart } from './cases/worker.ts'

export const redis: Suite = {
  name: 'redis',
  description: 'celeriac over Redis, beside raw batches of commands, BullMQ, bee-queue and Python Celery',
  needsRedis: true,
  cases: [
    processWithResults,
    processWithoutResults,
    processAtConcurrencyOne,
    delayMany,
    delayConcurrently,
    delayOneByOne,
    delayAndGet,
    startLatency,
    idleWorker,
    workerStart,
  ],
}
