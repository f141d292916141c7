import type { Suite } from '../lib/suite.ts'
import { bothAtOnce } from './cases/both-at-once.ts'
import { idleWorker } from './cases/idle-worker.ts'
import { memoryBroker } from './cases/memory-broker.ts'
import { processWithoutResults, processWithResults } from './cases/process.ts'
import { delayMany, delayOneByOne } from './cases/publish.ts'
import { startLatency } from './cases/start-latency.ts'
import { workerStart } from './cases/worker-start.ts'

export const embedded: Suite = {
  name: 'embedded',
  description: 'celeriac over SQLite and in memory, beside raw node:sqlite, plainjob and BullMQ',
  needsRedis: true,
  cases: [
    processWithoutResults,
    processWithResults,
    bothAtOnce,
    delayOneByOne,
    delayMany,
    startLatency,
    memoryBroker,
    workerStart,
    idleWorker,
  ],
}
