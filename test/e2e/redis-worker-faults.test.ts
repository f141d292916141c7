import { privateServer, skipIfMissing } from '../services.ts'
import { openFaultSite, type FaultSite } from './faults/site.ts'
import { describeWorkerFaults } from './worker-faults-suite.ts'

const redis = await privateServer('redis')

let databases = 0

/** In a database of its own: what an earlier test left running, having failed, does not matter. */
function openSite(leaseSeconds: number): Promise<FaultSite> {
  const url = 'url' in redis ? redis.url.replace(/\d+$/, String(databases++)) : ''
  return openFaultSite({ url, transportOptions: { leaseSeconds } })
}

describeWorkerFaults('worker processes on one Redis', openSite, skipIfMissing(redis))
