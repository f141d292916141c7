import type { Task } from '../app/task.ts'
import type { ControllingCommand } from '../control/control-specs.ts'
import { reprValue } from '../protocol/python-repr.ts'
import { countOf, textOf } from './command-arguments.ts'
import { CommandError } from './command-error.ts'
import { noReply, type Commands } from './command-body.ts'
import { parseRate } from './parse-rate.ts'
import type { WorkerState } from './worker-state.ts'

const unknownTask = { error: 'unknown task' }

/** Commands that change the worker (celery-wire 9.3). */
export const controlCommands: Pick<Commands, ControllingCommand> = {
  rate_limit: ({ app, limits }, { task_name: taskName, rate_limit: rate }) => {
    const parsed = parseRate(rate)
    if ('problem' in parsed) return { error: parsed.problem }
    const task = findTask(app, taskName)
    if (!task) return unknownTask
    limits.setRate(task, parsed.isNone ? undefined : (rate as string | number), parsed.intervalMs)
    if (parsed.isNone) {
      app.log.info({ taskName: task.name }, 'Rate limits disabled for tasks of type {taskName}')
      return { ok: 'rate limit disabled successfully' }
    }
    app.log.info({ taskName: task.name, rate }, 'New rate limit for tasks of type {taskName}: {rate}.')
    return { ok: 'new rate limit set successfully' }
  },

  time_limit: ({ app, limits }, { task_name: taskName, soft, hard }) => {
    const [softMs, hardMs] = [limitMs(soft, 'soft'), limitMs(hard, 'hard')]
    const task = findTask(app, taskName)
    if (!task) return unknownTask
    limits.setTime(task, softMs, hardMs)
    app.log.info(
      { taskName: task.name, soft: soft ?? 'none', hard: hard ?? 'none' },
      'New time limits for tasks of type {taskName}: soft={soft} hard={hard}',
    )
    return { ok: 'time limits set successfully' }
  },

  pool_grow: (worker, { n }) => changePool(worker, 'grow', countOf(n, 'n', 1, 1)),

  pool_shrink: (worker, { n }) => changePool(worker, 'shrink', countOf(n, 'n', 1, 1)),

  pool_restart: ({ app, pools, pool }) => {
    if (!app.config.worker.poolRestarts) throw new CommandError('ValueError', 'Pool restarts not enabled')
    if (!pools.restart())
      throw new CommandError('NotImplementedError', `the pool ${pool.kind} has no processes to restart`)
    return { ok: 'reload started' }
  },

  autoscale: ({ poolSize }, { max, min }) => {
    const count = (value: unknown, name: string): number | undefined =>
      value === undefined || value === null ? undefined : countOf(value, name, 1, 1)
    const bounds = poolSize.rescale(count(max, 'max'), count(min, 'min'))
    return { ok: `autoscale now max=${bounds.max} min=${bounds.min}` }
  },

  add_consumer: async ({ consumer }, { queue, exchange, exchange_type: type, routing_key: key }) => {
    const name = textOf(queue, 'queue')
    const isPlain = [exchange, key].every((each) => each === undefined || each === null || each === '' || each === name)
    if (!isPlain || (type !== undefined && type !== null && type !== 'direct')) {
      throw new CommandError(
        'NotImplementedError',
        `a queue is bound to the exchange of its own name here: give ${name} only`,
      )
    }
    await consumer.addQueue(name)
    return { ok: `add consumer ${name}` }
  },

  cancel_consumer: async ({ consumer }, { queue }) => {
    const name = textOf(queue, 'queue')
    await consumer.cancelQueue(name)
    return { ok: `no longer consuming from ${name}` }
  },

  enable_events: ({ app, events }) => {
    if (events.isEnabled) return { ok: 'task events already enabled' }
    events.enable()
    app.log.info({}, 'Events of group {task} enabled by remote.')
    return { ok: 'task events enabled' }
  },

  disable_events: ({ app, events }) => {
    if (!events.isEnabled) return { ok: 'task events already disabled' }
    events.disable()
    app.log.info({}, 'Events of group {task} disabled by remote.')
    return { ok: 'task events disabled' }
  },

  heartbeat: ({ events }) => {
    events.heartbeat()
    return null
  },

  // Nobody here takes part: what is to be done once is a task.
  election: () => null,

  shutdown: (worker, { msg }) => {
    const reason = typeof msg === 'string' ? msg : 'Got shutdown from remote'
    worker.app.log.warn({ reason, workerName: worker.nodeName }, '{workerName}: {reason}')
    worker.stop()
    return noReply
  },
}

function findTask(app: WorkerState['app'], name: unknown): Task | undefined {
  return typeof name === 'string' ? app.tasks.get(name) : undefined
}

function limitMs(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null || value === 0) return undefined
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value * 1000
  throw new CommandError('TypeError', `${name} must be a number of seconds, got ${reprValue(value)}`)
}

function changePool({ poolSize }: WorkerState, how: 'grow' | 'shrink', n: number): { ok: string } | { error: string } {
  if (poolSize.bounds) return { error: `pool_${how} is not supported with autoscale. Adjust autoscale range instead.` }
  poolSize.change(how === 'grow' ? n : -n)
  return { ok: `pool will ${how}` }
}
