import { openFaultSite } from './faults/site.ts'
import { describeWorkerFaults } from './faults/suite.ts'

describeWorkerFaults('worker processes on one SQLite file', () => openFaultSite())
