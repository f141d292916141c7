import { sqliteStore } from '../support/worker-harness.ts'
import { describeControl } from './control-contract.ts'

describeControl(sqliteStore)
