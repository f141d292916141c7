import { redisStore } from '../support/worker-harness.ts'
import { describeWorker } from './worker-contract.ts'

const store = await redisStore()
if (store) describeWorker(store)
