import { Child } from '../lib/child.ts'
import { compare, type Contestant, type FigureOptions } from '../lib/compare.ts'
import type { Case, Run } from '../lib/suite.ts'
import { celeriacUrl } from '../peers/celeriac.ts'
import type { Store, WorkerChoice } from '../peers/peer.ts'
import type { ConsumerReport } from '../roles/consumer.ts'
import { makeStore, startConsumer, startProducer } from '../roles/start-roles.ts'

type PeerName = 'celeriac-sqlite' | 'celeriac-redis'

const concurrency = 100
const eventsOfATask = 3

/** What is measured: a worker with the choice, and whether a monitor in a process of its own hears its events. */
interface Variant extends WorkerChoice {
  readonly isHeard?: boolean
}

const off: Variant = { taskEvents: false }

/** With events by without, in one round: no-op tasks a second, and CPU of the worker. */
export function eventsOn(peer: PeerName, count: number, isHeard: boolean): Case {
  const heard = isHeard ? 'a monitor hears them' : 'nobody hears them'
  const targets = { least: 0.85, mostCpu: 1.18 }
  return versus(`${peer}: events on, ${heard}`, targets, peer, count, {
    ours: { taskEvents: true, isHeard },
    theirs: ['events off', { ...off, isHeard }],
  })
}

/** What a worker costs that sends no events of tasks: heartbeats, and one question for each step of a task. */
export function eventsOff(peer: PeerName, count: number): Case {
  return versus(`${peer}: events off`, { least: 0.95, mostCpu: 1.05 }, peer, count, {
    ours: off,
    theirs: ['no heartbeats', { ...off, withoutHeartbeat: true }],
  })
}

interface Targets {
  /** Least ratio of tasks a second. */
  readonly least: number
  /** Greatest ratio of CPU. */
  readonly mostCpu: number
}

function versus(
  name: string,
  { least, mostCpu }: Targets,
  peer: PeerName,
  count: number,
  { ours, theirs: [title, theirs] }: { readonly ours: Variant; readonly theirs: readonly [string, Variant] },
): Case {
  const cpu = `${name}: CPU of the worker`
  const speedOptions: FigureOptions = { unit: 'tasks/s', ratios: { [title]: least } }
  const cpuOptions: FigureOptions = { unit: 's per 10,000 tasks', ratiosAtMost: { [title]: mostCpu } }
  return {
    name,
    async run(run) {
      if (peer === 'celeriac-redis' && run.redisPort === undefined) return []
      const tasks = Math.max(100, Math.round(count * run.size))
      const contestant = (role: 'ours' | 'peer', label: string, variant: Variant): Contestant<string> => ({
        peer: label,
        role,
        measure: async () => {
          const { tasksASecond, cpuS } = await processed(run, peer, tasks, variant)
          return { [name]: tasksASecond, [cpu]: (cpuS / tasks) * 10_000 }
        },
      })
      const both = [contestant('ours', 'ours', ours), contestant('peer', title, theirs)]
      return compare(run, { [name]: speedOptions, [cpu]: cpuOptions }, both)
    },
  }
}

/** A queue that another process filled. Fails if a monitor missed an event. */
async function processed(
  run: Run,
  peer: PeerName,
  count: number,
  { isHeard, ...worker }: Variant,
): Promise<{ readonly tasksASecond: number; readonly cpuS: number }> {
  const store: Store = { ...(await makeStore(run, { withResults: false })), worker, isBare: true }
  await fill(run, peer, store, count)
  await using monitor = isHeard ? await startMonitor(peer, store) : undefined
  await using consumer = await startConsumer(run, peer, store, { concurrency })
  await consumer.call('expect', { count })
  const startedAtMs = await consumer.call<number>('start')
  const { finishedAtMs, cpuS } = await consumer.call<ConsumerReport>('finished')
  await consumer.call('close', { checkedIds: [] })
  if (monitor && worker.taskEvents) await allHeard(monitor, count * eventsOfATask)
  await monitor?.call('close')
  return { tasksASecond: count / ((finishedAtMs - startedAtMs) / 1000), cpuS }
}

async function fill(run: Run, peer: PeerName, store: Store, count: number): Promise<void> {
  await using producer = await startProducer(run, peer, store)
  await producer.call('inCalls', { count, callSize: 500 })
  await producer.call('close')
}

function startMonitor(peer: PeerName, store: Store): Promise<Child> {
  return Child.start(`monitor of ${peer}`, new URL('./monitor.ts', import.meta.url), { url: celeriacUrl(peer, store) })
}

async function allHeard(monitor: Child, expected: number): Promise<void> {
  const giveUpAt = Date.now() + 10_000
  for (;;) {
    const heard = await monitor.call<number>('heard')
    if (heard >= expected) return
    if (Date.now() > giveUpAt) throw new Error(`a monitor heard ${heard} events of ${expected}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
