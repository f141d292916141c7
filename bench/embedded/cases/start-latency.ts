import { compare } from '../../lib/compare.ts'
import { percentile } from '../../lib/statistics.ts'
import type { Case } from '../../lib/suite.ts'
import { startLatenciesMs } from '../../measurements/latency.ts'
import { contestants, limitAsPeer } from '../../roles/contestants.ts'

export const startLatency: Case = {
  name: 'start latency',
  run(run) {
    const counts = { 'celeriac-sqlite': 300, 'raw-sqlite': 300, bullmq: 300 }
    const measured = contestants(run, counts, async (peer, count) => {
      const latencies = await startLatenciesMs(run, peer, count)
      return { 'start latency p50': percentile(latencies, 50), 'start latency p99': percentile(latencies, 99) }
    })
    return compare(
      run,
      { 'start latency p50': { unit: 'ms', lessThan: 3 }, 'start latency p99': { unit: 'ms' } },
      limitAsPeer(measured),
    )
  },
}
