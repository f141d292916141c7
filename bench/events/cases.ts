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

/** Who hears the events, in a process of its own: a monitor reads every one, a listener takes what comes and drops it. */
type Hearer = 'nobody' | 'a listener' | 'a monitor'

/** What is measured: a worker with the choice, and who hears its events. */
interface Variant extends WorkerChoice {
  readonly hearer?: Hearer
}

const off: Variant = { taskEvents: false }

/** With events by without, in one round: no-op tasks a second, and CPU of the worker. */
export function eventsOn(peer: PeerName, count: number, hearer: Hearer): Case {
  const targets = { least: 0.85, mostCpu: 1.18 }
  return versus(`${peer}: events on, ${hearer} hears them`, targets, peer, count, {
    ours: { taskEvents: true, hearer },
    theirs: ['events off', { ...off, hearer }],
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
  const monitorCpu = `${name}: CPU of the monitor`
  const speedOptions: FigureOptions = { unit: 'tasks/s', ratios: { [title]: least } }
  const unit = 's per 10,000 tasks'
  const figures: Record<string, FigureOptions> = {
    [name]: speedOptions,
    [cpu]: { unit, ratiosAtMost: { [title]: mostCpu } },
    ...(ours.hearer === 'a monitor' ? { [monitorCpu]: { unit } } : {}),
  }
  return {
    name,
    async run(run) {
      if (peer === 'celeriac-redis' && run.redisPort === undefined) return []
      const tasks = Math.max(100, Math.round(count * run.size))
      const contestant = (role: 'ours' | 'peer', label: string, variant: Variant): Contestant<string> => ({
        peer: label,
        role,
        measure: async () => {
          const { tasksASecond, cpuS, monitorCpuS } = await processed(run, peer, tasks, variant)
          const figuresOfAll = { [name]: tasksASecond, [cpu]: (cpuS / tasks) * 10_000 }
          // Without events it has nothing to do.
          if (role === 'peer' || monitorCpuS === undefined) return figuresOfAll
          return { ...figuresOfAll, [monitorCpu]: (monitorCpuS / tasks) * 10_000 }
        },
      })
      const both = [contestant('ours', 'ours', ours), contestant('peer', title, theirs)]
      return compare(run, figures, both)
    },
  }
}

interface Processed {
  readonly tasksASecond: number
  readonly cpuS: number
  readonly monitorCpuS?: number | undefined
}

/** A queue that another process filled. Fails if a monitor missed an event. */
async function processed(
  run: Run,
  peer: PeerName,
  count: number,
  { hearer = 'nobody', ...worker }: Variant,
): Promise<Processed> {
  const store: Store = { ...(await makeStore(run, { withResults: false })), worker, isBare: true }
  await fill(run, peer, store, count)
  await using listener = await startHearer(run, peer, store, hearer)
  await using consumer = await startConsumer(run, peer, store, { concurrency })
  await consumer.call('expect', { count })
  const startedAtMs = await consumer.call<number>('start')
  const { finishedAtMs, cpuS } = await consumer.call<ConsumerReport>('finished')
  await consumer.call('close', { checkedIds: [] })
  if (listener && worker.taskEvents) await allHeard(listener, hearer === 'a monitor' ? count * eventsOfATask : 1)
  const monitorCpuS = hearer === 'a monitor' ? await listener?.call<number>('cpu') : undefined
  await listener?.call('close')
  return { tasksASecond: count / ((finishedAtMs - startedAtMs) / 1000), cpuS, monitorCpuS }
}

async function fill(run: Run, peer: PeerName, store: Store, count: number): Promise<void> {
  await using producer = await startProducer(run, peer, store)
  await producer.call('inCalls', { count, callSize: 500 })
  await producer.call('close')
}

async function startHearer(run: Run, peer: PeerName, store: Store, hearer: Hearer): Promise<Child | undefined> {
  if (hearer === 'nobody') return undefined
  const argument = { url: celeriacUrl(peer, store), profileFolder: run.profileFolder }
  const script = new URL(hearer === 'a monitor' ? './monitor.ts' : './listener.ts', import.meta.url)
  return Child.start(`${hearer} of ${peer}`, script, argument)
}

/** `heard` are events of a monitor, and whatever a listener counts. */
async function allHeard(listener: Child, expected: number): Promise<void> {
  const giveUpAt = Date.now() + 10_000
  for (;;) {
    const heard = await listener.call<number>('heard')
    if (heard >= expected) return
    if (Date.now() > giveUpAt) throw new Error(`${heard} were heard of ${expected} events`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
