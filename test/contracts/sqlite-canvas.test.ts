import { sqliteStore } from '../support/worker-harness.ts'
import { describeCanvas } from './canvas-contract.ts'
import { describeGroups } from './canvas-groups.ts'
import { describeSize } from './canvas-size.ts'

describeCanvas(sqliteStore)
describeGroups(sqliteStore)
describeSize(sqliteStore)
