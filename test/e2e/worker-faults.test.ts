import { openFaultSite } from './faults/site.ts'
import { describeWorkerFaults } from './worker-faults-suite.ts'

describeWorkerFaults('worker processes on one SQLite file', (leaseSeconds) =>
  openFaultSite({ transportOptions: { leaseSeconds } }),
)
