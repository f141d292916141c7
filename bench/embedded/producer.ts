import { setTimeout as pause } from 'node:timers/promises'
import { profiled } from '../lib/profiled.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { nowMs } from './clock.ts'
import { openPeer, type PeerName } from './peers/open-peer.ts'
import { payload, type Payload, type Producer, type Store } from './peers/peer.ts'

/** Ids of results that the consumer looks at in the end: one in so many. */
const checkedEvery = 100

interface Argument {
  readonly peer: PeerName
  readonly store: Store
  readonly profileFolder?: string
}

const { peer, store, profileFolder } = startArgument<Argument>()
const producer: Producer = await (await openPeer(peer)).openProducer(store)

serve({
  /** Awaits each call before the next. Milliseconds. */
  oneByOne: ({ count }: { readonly count: number }): Promise<number> =>
    profiled(profileFolder, `delay-${count}`, async () => {
      const startedAt = nowMs()
      for (let index = 0; index < count; index++) {
        const added = producer.one(payload(index))
        if (added) await added
      }
      return nowMs() - startedAt
    }),

  /** Hands them over in calls of `callSize`. */
  inCalls: (order: { readonly count: number; readonly callSize: number }): Promise<CallsReport> =>
    profiled(profileFolder, `delayMany-${order.count}`, () => inCalls(order)),

  /** One call every `intervalMs`; the payload says when. */
  async paced({ count, intervalMs }: { readonly count: number; readonly intervalMs: number }): Promise<void> {
    const startedAt = nowMs()
    const added: (Promise<unknown> | void)[] = []
    for (let index = 0; index < count; index++) {
      const restMs = startedAt + index * intervalMs - nowMs()
      if (restMs > 0) await pause(restMs)
      added.push(producer.one(stamped()))
    }
    await Promise.all(added)
  },

  close: () => producer.close(),
})

interface CallsReport {
  readonly startedAtMs: number
  readonly ms: number
  readonly checkedIds: readonly string[]
}

async function inCalls({
  count,
  callSize,
}: {
  readonly count: number
  readonly callSize: number
}): Promise<CallsReport> {
  const checkedIds: string[] = []
  const startedAtMs = nowMs()
  for (let first = 0; first < count; first += callSize) {
    const payloads = Array.from({ length: Math.min(callSize, count - first) }, (_, index) => payload(first + index))
    const ids = (await producer.many(payloads)) ?? []
    for (let index = 0; index < ids.length; index += checkedEvery) checkedIds.push(ids[index] as string)
    // Also those that work at once let others write in between.
    await new Promise(setImmediate)
  }
  return { startedAtMs, ms: nowMs() - startedAtMs, checkedIds }
}

function stamped(): Payload {
  return { a: 1, b: 7, text: String(nowMs()).padEnd(200, ' x') }
}
