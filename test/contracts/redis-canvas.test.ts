import { redisStore } from '../support/worker-harness.ts'
import { describeCanvas } from './canvas-contract.ts'
import { describeGroups } from './canvas-groups.ts'
import { describeLost } from './canvas-lost.ts'
import { describeSize } from './canvas-size.ts'

const store = await redisStore()
if (store) {
  describeCanvas(store)
  describeGroups(store)
  describeLost(store)
  describeSize(store)
}
