import type { Counter, Histogram, Registry } from 'prom-client'
import { taskIdTime } from '../app/task-id.ts'
import type { Delivery } from '../brokers/broker.ts'
import type { Outcome } from '../pools/pool.ts'
import type { PromClient } from './metrics.ts'
import type { Request } from './request.ts'
import type { Burial, TaskObserver } from './task-observer.ts'

/** Seconds. */
const runBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]
const waitBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600]

/** Task names come from messages: only those that are registered are labels. */
const unknownTask = '(unknown)'

/** Counts what becomes of tasks, and how long they run and wait. */
export class TaskMetrics implements TaskObserver {
  readonly #received: Counter<'task'>
  readonly #outcomes: Counter<'task' | 'outcome'>
  readonly #runSeconds: Histogram<'task'>
  readonly #waitSeconds: Histogram<'task'>

  constructor({ Counter, Histogram }: PromClient, registry: Registry) {
    const registers = [registry]
    this.#received = new Counter({
      name: 'celeriac_tasks_received_total',
      help: 'Tasks that were taken to be run',
      labelNames: ['task'],
      registers,
    })
    this.#outcomes = new Counter({
      name: 'celeriac_tasks_total',
      help: 'Attempts that are over and messages that were dropped, by what became of them',
      labelNames: ['task', 'outcome'],
      registers,
    })
    this.#runSeconds = new Histogram({
      name: 'celeriac_task_run_seconds',
      help: 'How long attempts ran',
      labelNames: ['task'],
      buckets: runBuckets,
      registers,
    })
    this.#waitSeconds = new Histogram({
      name: 'celeriac_task_wait_seconds',
      help: 'From the call, or its ETA, to the start, where the id of the task or the ETA tells',
      labelNames: ['task'],
      buckets: waitBuckets,
      registers,
    })
  }

  received({ taskName: task }: Request): void {
    this.#received.inc({ task })
  }

  started({ taskName: task, id, headers, startedAtMs }: Request): void {
    const wantedMs = wantedAtMs(id, headers.eta)
    if (wantedMs !== undefined) this.#waitSeconds.observe({ task }, Math.max(0, startedAtMs - wantedMs) / 1000)
  }

  ended({ taskName: task }: Request, outcome: Outcome): void {
    this.#runSeconds.observe({ task }, outcome.runtimeMs / 1000)
    this.#outcomes.inc({ task, outcome: outcomeLabel(outcome) })
  }

  discarded({ taskName: task }: Request, reason: 'revoked' | 'expired'): void {
    this.#outcomes.inc({ task, outcome: reason })
  }

  buried(_: Delivery, burial: Burial): void {
    const task = burial.kind === 'tooManyDeliveries' ? burial.request.taskName : unknownTask
    this.#outcomes.inc({ task, outcome: 'dead_letter' })
  }
}

/** When a task was to run: its ETA, or when it was called, which only ids of version 7 tell. Milliseconds since 1970. */
export function wantedAtMs(taskId: string, eta: Date | undefined): number | undefined {
  const calledAt = taskIdTime(taskId)
  if (eta === undefined) return calledAt?.getTime()
  return Math.max(eta.getTime(), calledAt?.getTime() ?? 0)
}

function outcomeLabel(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'timedOut':
      return 'timed_out'
    case 'undecodable':
      return 'dead_letter'
    case 'cancelled':
      return { revoked: 'revoked', shutdown: 'given_back', loanLost: 'lost' }[outcome.reason]
    case 'succeeded':
    case 'failed':
    case 'retried':
    case 'ignored':
    case 'rejected':
    case 'lost':
      return outcome.kind
  }
}
