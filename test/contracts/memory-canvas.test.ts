import { memoryStore } from '../support/worker-harness.ts'
import { describeCanvas } from './canvas-contract.ts'
import { describeGroups } from './canvas-groups.ts'
import { describeLost } from './canvas-lost.ts'
import { describeSize } from './canvas-size.ts'

describeCanvas(memoryStore)
describeGroups(memoryStore)
describeLost(memoryStore)
describeSize(memoryStore)
