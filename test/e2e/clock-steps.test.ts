import { describeClockSteps } from './faults/clock-suite.ts'
import { openFaultSite } from './faults/site.ts'

describeClockSteps('workers on one SQLite file whose clock is set', () => openFaultSite())
