import type { InspectingCommand } from '../control/inspect-specs.ts'
import type { Message } from '../protocol/message.ts'
import { encodeScheduledTask, encodeTaskInfo } from '../protocol/task-info.ts'
import { encodeStats } from '../protocol/encode-stats.ts'
import { encodeQueueInfo } from '../protocol/queue-info.ts'
import { countOf, textOf, textsOf } from './command-arguments.ts'
import { CommandError } from './command-error.ts'
import type { Commands } from './command-body.ts'
import { describeMessage, describeRequest } from './describe-request.ts'
import { describeBroker, describeInstallation, describeSettings, describeTask } from './describe-worker.ts'
import { revokedIds } from './mingle.ts'
import type { Request } from './request.ts'
import type { WorkerState } from './worker-state.ts'

/** So many of the next calls with an ETA are shown of each queue. */
const mostScheduled = 100
/** So many of those that wait here for a slot: of very short tasks hundreds are taken ahead. */
const mostReserved = 100
/** What Celery's timer gives to ETAs. */
const timerPriority = 6
const defaultAttributes = ['exchange', 'routing_key', 'rate_limit']

/** Commands that tell something (celery-wire 9.3). */
export const inspectCommands: Pick<Commands, InspectingCommand> = {
  ping: () => ({ ok: 'pong' }),

  stats: (worker) => stats(worker),

  active: (worker, { safe }) => worker.consumer.running.items().map(describer(worker, safe === true)),

  reserved: (worker) => worker.consumer.waiting.slice(0, mostReserved).map(describer(worker)),

  // Deferred calls lie in the store, where any worker of their queue finds them.
  scheduled: async (worker) => {
    const { broker, consumer } = worker
    const pages = [...consumer.queues].map(async (queue) => {
      const messages = await broker.peek?.(queue, { offset: 0, limit: mostScheduled, only: 'deferred' })
      return (messages ?? []).flatMap((message) => scheduled(worker, message, queue))
    })
    return (await Promise.all(pages)).flat()
  },

  revoked: ({ consumer }) => consumer.revocations.ids(),

  registered: ({ app, limits }, { taskinfoitems, builtins }) => {
    const wanted = textsOf(taskinfoitems, 'taskinfoitems')
    const tasks = builtins === true ? app.tasks.withBuiltins() : [...app.tasks]
    return tasks
      .filter(({ name }) => builtins === true || !name.startsWith('celery.'))
      .map((task) => describeTask(task, wanted.length === 0 ? defaultAttributes : wanted, limits))
  },

  active_queues: ({ app, consumer }) =>
    [...consumer.queues].map((queue) => {
      const isBroadcast = app.config.task.broadcastQueues.includes(queue)
      return encodeQueueInfo(queue, { name: queue, type: isBroadcast ? 'fanout' : 'direct' })
    }),

  conf: ({ app }, { with_defaults: withDefaults }) => describeSettings(app.config, withDefaults === true),

  query_task: (worker, { ids }) => {
    const { consumer } = worker
    const describe = describer(worker)
    const found = textsOf(ids, 'ids').flatMap((id) => {
      const active = consumer.running.items().find((request) => request.id === id)
      const request = active ?? consumer.waiting.find((waiting) => waiting.id === id)
      return request ? [[id, [active ? 'active' : 'reserved', describe(request)]] as const] : []
    })
    return Object.fromEntries(found)
  },

  clock: ({ app }) => ({ clock: app.clock.value }),

  report: ({ app }) => ({ ok: describeInstallation(app.config) }),

  hello: ({ app, nodeName, consumer }, { from_node: fromNode, revoked }) => {
    if (textOf(fromNode, 'from_node') === nodeName) return null
    const ids = revokedIds(revoked ?? null)
    if (!ids) throw new CommandError('ValueError', 'revoked must be a list of ids, or times by id')
    consumer.revocations.learn(ids)
    // A fleet in which all know thousands would send them as often as it has workers.
    return { revoked: consumer.revocations.shared(ids), clock: app.clock.forward() }
  },

  memsample: ({ memory }) => memory.take(),

  memdump: ({ memory }, { samples }) => memory.dump(countOf(samples, 'samples', 10, 1)),

  objgraph: () => {
    throw new CommandError(
      'NotImplementedError',
      'this worker runs on Node: start it with --heapsnapshot-signal=SIGUSR2 and send that signal',
    )
  },
}

function describer(worker: WorkerState, safe = false): (request: Request) => Record<string, unknown> {
  return (request) => encodeTaskInfo(describeRequest(request, { ...worker, safe }))
}

function scheduled(worker: WorkerState, message: Message, queue: string): Record<string, unknown>[] {
  const request = describeMessage(message, queue, worker)
  const { eta } = message.headers
  if (!request) return []
  return [encodeScheduledTask({ eta: typeof eta === 'string' ? eta : undefined, priority: timerPriority, request })]
}

function stats({ app, startedAtMs, consumer, pools, pool, poolSize, outbox }: WorkerState): Record<string, unknown> {
  const { bounds, now } = poolSize
  const { task } = app.config
  return encodeStats({
    total: Object.fromEntries(consumer.running.totals),
    pid: process.pid,
    clock: app.clock.value,
    uptime: Math.round((Date.now() - startedAtMs) / 1000),
    pool: {
      implementation: `celeriac:${pool.kind}`,
      maxConcurrency: now,
      processes: pools.main.pids,
      maxTasksPerChild: pool.maxTasksPerChild,
      timeouts: [(task.softTimeLimitMs ?? 0) / 1000, (task.timeLimitMs ?? 0) / 1000],
    },
    broker: describeBroker(app.config),
    prefetchCount: consumer.prefetch.count,
    autoscaler: bounds && { ...bounds, current: now, qty: consumer.demand },
    rusage: process.resourceUsage(),
    outboxTroubles: outbox.troubles,
  })
}
