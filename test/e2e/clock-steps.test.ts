import { privateServer, skipIfMissing } from '../services.ts'
import { describeClockSteps } from './faults/clock-suite.ts'
import { openFaultSite } from './faults/site.ts'

const redis = await privateServer('redis')

let databases = 0

describeClockSteps('workers on one SQLite file whose clock is set', () => openFaultSite())

describeClockSteps(
  'workers on one Redis whose clock is set',
  () => {
    const url = 'url' in redis ? redis.url.replace(/\d+$/, String(databases++)) : ''
    return openFaultSite({ url, transportOptions: { leaseSeconds: 2 } })
  },
  skipIfMissing(redis),
)
