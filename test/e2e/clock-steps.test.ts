import { privateServer, skipIfMissing } from '../services.ts'
import { describeClockSteps } from './faults/clock-suite.ts'
import { openFaultSite } from './faults/site.ts'

const redis = await privateServer('redis')

let databases = 0
/** Long enough for a renewal on a busy machine, and far shorter than the step. */
const leaseSeconds = 6

describeClockSteps('workers on one SQLite file whose clock is set', () =>
  openFaultSite({ transportOptions: { leaseSeconds } }),
)

describeClockSteps(
  'workers on one Redis whose clock is set',
  () => {
    const url = 'url' in redis ? redis.url.replace(/\d+$/, String(databases++)) : ''
    return openFaultSite({ url, transportOptions: { leaseSeconds } })
  },
  skipIfMissing(redis),
)
