import { memoryStore } from '../support/worker-harness.ts'
import { describeCanvas } from './canvas-contract.ts'
import { describeGroups } from './canvas-groups.ts'

describeCanvas(memoryStore)
describeGroups(memoryStore)
