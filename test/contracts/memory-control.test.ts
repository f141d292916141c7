import { memoryStore } from '../support/worker-harness.ts'
import { describeControl } from './control-contract.ts'
import { describeMingle } from './mingle-contract.ts'

describeControl(memoryStore)
describeMingle(memoryStore)
