import { memoryStore } from '../support/worker-harness.ts'
import { describeCanvas } from './canvas-contract.ts'

describeCanvas(memoryStore)
