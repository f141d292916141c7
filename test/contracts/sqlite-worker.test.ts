import { sqliteStore } from '../support/worker-harness.ts'
import { describeWorker } from './worker-contract.ts'

describeWorker(sqliteStore)
