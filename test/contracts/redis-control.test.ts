import { redisStore } from '../support/worker-harness.ts'
import { describeControl } from './control-contract.ts'
import { describeMingle } from './mingle-contract.ts'

const store = await redisStore()
if (store) {
  describeControl(store)
  describeMingle(store)
}
