import { privateServer, skipIfMissing } from '../services.ts'
import { redisCommand } from '../support/redis-command.ts'
import { openFaultSite, type FaultSite } from './faults/site.ts'
import { describeWorkerFaults } from './worker-faults-suite.ts'

const redis = await privateServer('redis')

async function openSite(): Promise<FaultSite> {
  const url = 'url' in redis ? redis.url : ''
  await redisCommand(url, 'FLUSHALL')
  return openFaultSite({ url, transportOptions: { leaseSeconds: 2 } })
}

describeWorkerFaults('worker processes on one Redis', openSite, skipIfMissing(redis))
