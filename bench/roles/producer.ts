import { setTimeout as pause } from 'node:timers/promises'
import { cpuSeconds } from '../lib/cpu.ts'
import { profiled } from '../lib/profiled.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { openPeer, type PeerName } from '../peers/open-peer.ts'
import { payload, type Payload, type Producer, type Store } from '../peers/peer.ts'
import { nowMs } from './clock.ts'

/** Ids of results that the consumer looks at in the end: one in so many. */
const checkedEvery = 100

interface Argument {
  readonly peer: PeerName
  readonly store: Store
  readonly profileFolder?: string
}

/** What a command of the producer took. */
export interface ProducerReport {
  readonly startedAtMs: number
  readonly ms: number
  readonly cpuS: number
  readonly checkedIds: readonly string[]
}

const { peer, store, profileFolder } = startArgument<Argument>()
const producer: Producer = await (await openPeer(peer)).openProducer(store)

serve({
  /** Awaits each call before the next. */
  oneByOne: ({ count }: { readonly count: number }): Promise<ProducerReport> =>
    measured(`delay-${count}`, async () => {
      for (let index = 0; index < count; index++) {
        const added = producer.one(payload(index))
        if (added) await added
      }
    }),

  /** So many calls are in flight at any time. */
  concurrently: ({ count, inFlight }: { readonly count: number; readonly inFlight: number }): Promise<ProducerReport> =>
    measured(`concurrent-${count}`, () => concurrently(count, inFlight, (index) => producer.one(payload(index)))),

  /** As `concurrently`, each with its result awaited. */
  async roundTrips({
    count,
    inFlight,
  }: {
    readonly count: number
    readonly inFlight: number
  }): Promise<ProducerReport> {
    if (!producer.roundTrip) throw new Error(`${peer} has no results to await`)
    return measured(`round-trip-${count}`, () =>
      concurrently(count, inFlight, (index) => producer.roundTrip?.(payload(index))),
    )
  },

  /** Hands them over in calls of `callSize`. */
  inCalls: ({ count, callSize }: { readonly count: number; readonly callSize: number }): Promise<ProducerReport> =>
    measured(`delayMany-${count}`, () => inCalls(count, callSize)),

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

function measured(name: string, work: () => Promise<readonly string[] | void>): Promise<ProducerReport> {
  return profiled(profileFolder, name, async () => {
    const startedAtMs = nowMs()
    const cpuBefore = cpuSeconds()
    const checkedIds = (await work()) ?? []
    return { startedAtMs, ms: nowMs() - startedAtMs, cpuS: cpuSeconds() - cpuBefore, checkedIds }
  })
}

async function concurrently(
  count: number,
  inFlight: number,
  call: (index: number) => Promise<unknown> | void,
): Promise<void> {
  let next = 0
  const loop = async (): Promise<void> => {
    while (next < count) await call(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, loop))
}

async function inCalls(count: number, callSize: number): Promise<readonly string[]> {
  const checkedIds: string[] = []
  for (let first = 0; first < count; first += callSize) {
    const payloads = Array.from({ length: Math.min(callSize, count - first) }, (_, index) => payloadAt(first + index))
    const ids = (await producer.many(payloads)) ?? []
    for (let index = 0; index < ids.length; index += checkedEvery) checkedIds.push(ids[index] as string)
    // Also those that work at once let others write in between.
    await new Promise(setImmediate)
  }
  return checkedIds
}

function payloadAt(index: number): Payload {
  return store.isBare ? { ...payload(index), text: '' } : payload(index)
}

function stamped(): Payload {
  return { a: 1, b: 7, text: String(nowMs()).padEnd(200, ' x') }
}
