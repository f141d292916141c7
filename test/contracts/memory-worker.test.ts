import { memoryStore } from '../support/worker-harness.ts'
import { describeWorker } from './worker-contract.ts'

describeWorker(memoryStore)
