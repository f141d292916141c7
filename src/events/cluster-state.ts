import type { ClusterEvent, EventType } from '../protocol/cluster-event.ts'
import { afterEvent, newTask, type TaskSnapshot } from './task-snapshot.ts'
import { afterWorkerEvent, isAlive, type WorkerSnapshot } from './worker-snapshot.ts'

export interface ClusterStateOptions {
  /** The workers that were heard last are kept. Default 5000. */
  readonly maxWorkers?: number
  /** The tasks that were heard of last are kept. Default 10,000. */
  readonly maxTasks?: number
}

export interface TaskFilter {
  readonly name?: string
  readonly state?: string
  readonly worker?: string
  /** At most so many. Default: all. */
  readonly limit?: number
}

/** What events tell of a cluster: its workers and its last tasks. It takes memory for so many, and no more. */
export class ClusterState {
  readonly #workers = new Map<string, WorkerSnapshot>()
  /** Least lately heard first. */
  readonly #tasks = new Map<string, TaskSnapshot>()
  readonly #counts = new Map<EventType, number>()
  readonly #maxWorkers: number
  readonly #maxTasks: number
  #eventCount = 0

  constructor({ maxWorkers = 5000, maxTasks = 10_000 }: ClusterStateOptions = {}) {
    this.#maxWorkers = maxWorkers
    this.#maxTasks = maxTasks
  }

  /** Takes an event in. */
  apply(event: ClusterEvent): void {
    this.#eventCount++
    this.#counts.set(event.type, this.countOf(event.type) + 1)
    if (event.type !== 'custom' && 'taskId' in event) {
      const task = this.#tasks.get(event.taskId) ?? newTask(event.taskId)
      keep(this.#tasks, event.taskId, afterEvent(task, event), this.#maxTasks)
    }
    // A program that sends tasks is no worker.
    if (event.type === 'task-sent' || (event.type === 'custom' && !event.customType.startsWith('worker-'))) return
    const { hostname } = event
    keep(this.#workers, hostname, afterWorkerEvent(this.#workers.get(hostname), event), this.#maxWorkers)
  }

  /** Events that were taken in. */
  get eventCount(): number {
    return this.#eventCount
  }

  /** Events of a type that were taken in. */
  countOf(type: EventType): number {
    return this.#counts.get(type) ?? 0
  }

  /** By node name. */
  workers(): WorkerSnapshot[] {
    return [...this.#workers.values()].toSorted((a, b) => (a.hostname < b.hostname ? -1 : 1))
  }

  worker(hostname: string): WorkerSnapshot | undefined {
    return this.#workers.get(hostname)
  }

  /** Workers that gave a sign of life within two of their heartbeats. */
  aliveWorkers(nowMs: number = Date.now()): WorkerSnapshot[] {
    return this.workers().filter((worker) => isAlive(worker, nowMs))
  }

  task(taskId: string): TaskSnapshot | undefined {
    return this.#tasks.get(taskId)
  }

  /** In the order of their last events, the newest first. */
  tasks({ name, state, worker, limit = Infinity }: TaskFilter = {}): TaskSnapshot[] {
    const fits = (task: TaskSnapshot): boolean =>
      (name === undefined || task.name === name) &&
      (state === undefined || task.state === state) &&
      (worker === undefined || task.worker === worker)
    const found = [...this.#tasks.values()].filter(fits)
    // Events of several workers come in about the right order: what is left to sort is little.
    return found.reverse().toSorted(newestFirst).slice(0, limit)
  }

  /** Names of the tasks that are kept, in order. */
  taskNames(): string[] {
    const names = new Set<string>()
    for (const { name } of this.#tasks.values()) if (name !== undefined) names.add(name)
    return [...names].toSorted()
  }

  /** How many of the tasks that are kept are in each state. */
  countByState(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { state } of this.#tasks.values()) counts.set(state, (counts.get(state) ?? 0) + 1)
    return counts
  }

  /** Forgets tasks, and workers that are gone. */
  clear(nowMs: number = Date.now()): void {
    this.#tasks.clear()
    for (const [hostname, worker] of this.#workers) if (!isAlive(worker, nowMs)) this.#workers.delete(hostname)
  }
}

/** Workers do not follow each other's logical clocks: those tell apart only what one worker did in one millisecond. */
function newestFirst(a: TaskSnapshot, b: TaskSnapshot): number {
  return b.timestampMs - a.timestampMs || b.clock - a.clock
}

/** Puts `value` last, and lets the first go if there are too many. */
function keep<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= most) return
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}
