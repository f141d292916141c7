import { cpuSeconds } from '../lib/cpu.ts'
import { profiled } from '../lib/profiled.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { openPeer, type PeerName } from '../peers/open-peer.ts'
import type { Consumer, Payload, Store } from '../peers/peer.ts'
import { nowMs } from './clock.ts'

interface Argument {
  readonly peer: PeerName
  readonly store: Store
  readonly concurrency: number
  /** Payloads carry the time of their call. */
  readonly isStamped: boolean
  readonly profileFolder?: string
}

/** When the last of the expected tasks ended, and the CPU from the start (or the last `expect`) to it. */
export interface ConsumerReport {
  readonly finishedAtMs: number
  readonly cpuS: number
}

const { peer, store, concurrency, isStamped, profileFolder } = startArgument<Argument>()

let count = 0
let expected = Number.POSITIVE_INFINITY
let finished = Promise.withResolvers<ConsumerReport>()
let cpuBefore = 0
let latenciesMs: number[] = []
const closing = Promise.withResolvers<void>()
let profiling: Promise<void> | undefined

function onTask({ a, b, text }: Payload): number {
  if (isStamped) latenciesMs.push(nowMs() - Number.parseFloat(text))
  if (++count === expected) finished.resolve({ finishedAtMs: nowMs(), cpuS: cpuSeconds() - cpuBefore })
  return a + b
}

const consumer: Consumer = await (await openPeer(peer)).openConsumer(store, onTask, concurrency)

serve({
  /** Counts from zero again, up to `count`. */
  expect({ count: wanted }: { readonly count: number }): void {
    count = 0
    expected = wanted
    finished = Promise.withResolvers()
    latenciesMs = []
    cpuBefore = cpuSeconds()
  },
  /** The time of the start. */
  async start(): Promise<number> {
    const started = Promise.withResolvers<number>()
    profiling = profiled(profileFolder, `worker-${concurrency}-${store.withResults ? 'results' : 'no-results'}`, () => {
      const calledAtMs = nowMs()
      cpuBefore = cpuSeconds()
      Promise.resolve(consumer.start()).then(
        (startedAtMs) => started.resolve(startedAtMs ?? calledAtMs),
        (error: unknown) => {
          console.error(error)
          process.exit(1)
        },
      )
      return closing.promise
    })
    return started.promise
  },
  finished: (): Promise<ConsumerReport> => finished.promise,
  latencies: (): readonly number[] => latenciesMs,
  cpu: cpuSeconds,
  async close({ checkedIds }: { readonly checkedIds: readonly string[] }): Promise<void> {
    closing.resolve()
    await profiling
    await consumer.close(checkedIds)
  },
})
