import { setTimeout as sleep } from 'node:timers/promises'
import { Child } from '../lib/child.ts'
import { compare, type Contestant } from '../lib/compare.ts'
import type { Case, Run } from '../lib/suite.ts'
import { celeriacUrl } from '../peers/celeriac.ts'
import type { Store } from '../peers/peer.ts'
import type { ConsumerReport } from '../roles/consumer.ts'
import { makeStore, startConsumer, startProducer } from '../roles/start-roles.ts'

type PeerName = 'celeriac-sqlite' | 'celeriac-redis'

const concurrency = 100
const aMinute = 1000
/** Two hundredths of a minute. */
const mostCpuS = 1.2
const idleMs = 2000
const often = 10 * aMinute
const mostRatioOften = 1.2

/** What a thousand questions cost a worker that holds all that it may, and has nothing else to do. */
export function inspecting(peer: PeerName): Case {
  const name = `${peer}: CPU of a worker for ${aMinute} questions`
  return {
    name,
    async run(run) {
      if (peer === 'celeriac-redis' && run.redisPort === undefined) return []
      const measure = async (): Promise<Record<string, number>> => ({ [name]: await cpuOfQuestions(run, peer) })
      return compare(run, { [name]: { unit: 's', lessThan: mostCpuS } }, [{ peer: 'ours', role: 'ours', measure }])
    },
  }
}

/**
 * A busy worker that is asked beside one that is not, ten times as often as it should bear with two hundredths more: ratios
 * of single runs differ by more than that where nothing differs. CPU, as who asks needs a core as well.
 */
export function inspected(peer: PeerName, count: number): Case {
  const name = `${peer}: asked ${often} times a minute, CPU of the worker`
  const theirs = 'not asked'
  return {
    name,
    async run(run) {
      if (peer === 'celeriac-redis' && run.redisPort === undefined) return []
      const tasks = Math.max(100, Math.round(count * run.size))
      const contestant = (role: 'ours' | 'peer', label: string, isAsked: boolean): Contestant<string> => ({
        peer: label,
        role,
        measure: async () => ({ [name]: (await cpuOfTasks(run, peer, tasks, isAsked)) * (10_000 / tasks) }),
      })
      const both = [contestant('ours', 'ours', true), contestant('peer', theirs, false)]
      return compare(run, { [name]: { unit: 's per 10,000 tasks', ratiosAtMost: { [theirs]: mostRatioOften } } }, both)
    },
  }
}

async function cpuOfQuestions(run: Run, peer: PeerName): Promise<number> {
  const store = await makeStore(run, { withResults: false })
  const script = new URL('./holder.ts', import.meta.url)
  const argument = { url: celeriacUrl(peer, store), slots: concurrency }
  await using worker = await Child.start(`holder of ${peer}`, script, argument)
  await using inspector = await startInspector(peer, store)
  // Compiled, as in a worker that has run for a while.
  await inspector.call('ask', { count: aMinute })
  const idleS = await cpuDuring(worker, () => sleep(idleMs))
  const beginMs = performance.now()
  const askedS = await cpuDuring(worker, () => inspector.call('ask', { count: aMinute }))
  const tookMs = performance.now() - beginMs
  await inspector.call('close')
  await worker.call('close')
  return askedS - idleS * (tookMs / idleMs)
}

async function cpuDuring(worker: Child, work: () => Promise<unknown>): Promise<number> {
  const before = await worker.call<number>('cpu')
  await work()
  return (await worker.call<number>('cpu')) - before
}

/**
 * The worker has been asked before, as one that has run for a while, and takes nothing until the queue is full: a window of
 * seconds would else show what the first questions cost, once, and not what they cost each minute.
 */
async function cpuOfTasks(run: Run, peer: PeerName, count: number, isAsked: boolean): Promise<number> {
  const store = await makeStore(run, { withResults: false })
  await using inspector = await startInspector(peer, store)
  await using worker = await startConsumer(run, peer, store, { concurrency })
  await worker.call('start')
  await inspector.call('ask', { count: aMinute })
  await inspector.call('consume', { isConsuming: false })
  await using producer = await startProducer(run, peer, store)
  await producer.call('inCalls', { count, callSize: 500 })
  await producer.call('close')
  await worker.call('expect', { count })
  await inspector.call('consume', { isConsuming: true })
  if (isAsked) await inspector.call('begin', { aMinute: often })
  const { cpuS } = await worker.call<ConsumerReport>('finished')
  const asked = await inspector.call<number>('end')
  if (asked === 0 && isAsked) throw new Error('the tasks were over before the first question')
  await inspector.call('close')
  await worker.call('close', { checkedIds: [] })
  return cpuS
}

function startInspector(peer: PeerName, store: Store): Promise<Child> {
  const script = new URL('./inspector.ts', import.meta.url)
  return Child.start(`inspector of ${peer}`, script, { url: celeriacUrl(peer, store) })
}
