import { build } from '../measurements/worker-start.ts'
import type { Case, Suite } from '../lib/suite.ts'
import { hashing, roundTrip, start, throughput } from './cases.ts'

let isBuilt = false

/** The slots of the built package are measured: its users have it. */
function ofBuilt(one: Case): Case {
  return {
    name: one.name,
    run: async (run) => {
      if (!isBuilt) build(run)
      isBuilt = true
      return one.run(run)
    },
  }
}

export const pools: Suite = {
  name: 'pools',
  description: 'threads and processes beside raw messages, piscina and tinypool, and beside the event loop',
  needsRedis: false,
  cases: [
    roundTrip('thread', 150),
    roundTrip('process', 250),
    throughput('thread'),
    throughput('process'),
    start('thread'),
    start('process'),
    hashing('thread'),
    hashing('process'),
  ].map(ofBuilt),
}
