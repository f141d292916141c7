import { after, describe } from 'node:test'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { defineProcessTests } from './broker-contract-processes.ts'
import { RedisLab } from './redis-broker-lab.ts'

const server = await privateServer('redis')
after(async () => {
  if ('stop' in server) await server.stop()
})

describe('redis broker: many processes, killed and stopped', { skip: skipIfMissing(server) }, () => {
  defineProcessTests(() => RedisLab.open(server as PrivateServer), {
    killedWorkers: { messages: 4000, rounds: 4, leaseSeconds: 1 },
    killedProducers: 2,
    blocked: { ms: 3500, leaseSeconds: 2 },
    stopped: { messages: 1500, mostMs: 1500, leaseSeconds: 0.6 },
  })
})
