import { profiled } from '../lib/profiled.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { nowMs } from './clock.ts'
import { openPeer, type PeerName } from './peers/open-peer.ts'
import type { Consumer, Payload, Store } from './peers/peer.ts'

interface Argument {
  readonly peer: PeerName
  readonly store: Store
  readonly concurrency: number
  /** Payloads carry the time of their call. */
  readonly isStamped: boolean
  readonly profileFolder?: string
}

const { peer, store, concurrency, isStamped, profileFolder } = startArgument<Argument>()

let count = 0
let expected = Number.POSITIVE_INFINITY
let finished = Promise.withResolvers<number>()
let latenciesMs: number[] = []
let profiling: Promise<unknown> | undefined

function onTask({ a, b, text }: Payload): number {
  if (isStamped) latenciesMs.push(nowMs() - Number.parseFloat(text))
  if (++count === expected) finished.resolve(nowMs())
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
  },
  /** The time of the start. */
  async start(): Promise<number> {
    const started = Promise.withResolvers<number>()
    profiling = profiled(profileFolder, `worker-${store.withResults ? 'results' : 'no-results'}`, () => {
      started.resolve(nowMs())
      void Promise.resolve(consumer.start()).catch((error: unknown) => {
        console.error(error)
        process.exit(1)
      })
      return finished.promise
    })
    return started.promise
  },
  /** When the last of the expected tasks ended. */
  async finished(): Promise<number> {
    const finishedAtMs = await finished.promise
    await profiling
    return finishedAtMs
  },
  latencies: (): readonly number[] => latenciesMs,
  /** Microseconds of CPU so far. */
  cpu(): number {
    const { user, system } = process.cpuUsage()
    return user + system
  },
  close: ({ checkedIds }: { readonly checkedIds: readonly string[] }) => consumer.close(checkedIds),
})
