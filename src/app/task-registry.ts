import { AlreadyRegistered } from '../errors.ts'
import type { Task } from './task.ts'

/** The tasks of one app: its own, and the shared ones. */
export class TaskRegistry implements Iterable<Task> {
  readonly #own = new Map<string, Task>()
  readonly #shared: ReadonlyMap<string, Task>
  /** Celery's own: run, but not listed. */
  readonly #builtins = new Map<string, Task>()

  constructor(shared: ReadonlyMap<string, Task>) {
    this.#shared = shared
  }

  /** Throws AlreadyRegistered, naming both places, if the name is taken. */
  add(task: Task): void {
    refuseDuplicate(this.get(task.name), task.place)
    this.#own.set(task.name, task)
  }

  /** @internal A task that every worker runs, whatever the program defines. */
  addBuiltin(task: Task): void {
    this.#builtins.set(task.name, task)
  }

  get(name: string): Task | undefined {
    return this.#own.get(name) ?? this.#shared.get(name) ?? this.#builtins.get(name)
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  get size(): number {
    return this.names().length
  }

  /** In alphabetical order. */
  names(): string[] {
    return [...new Set([...this.#own.keys(), ...this.#shared.keys()])].toSorted()
  }

  /** All that a worker runs, in alphabetical order. */
  withBuiltins(): Task[] {
    const names = new Set([...this.names(), ...this.#builtins.keys()])
    return [...names].toSorted().map((name) => this.get(name) as Task)
  }

  *[Symbol.iterator](): Iterator<Task> {
    for (const name of this.names()) yield this.get(name) as Task
  }

  /** Throws if a shared task, defined after it, took the name of an own one. */
  check(): void {
    for (const task of this.#own.values()) refuseDuplicate(this.#shared.get(task.name), task.place)
  }
}

export function refuseDuplicate(existing: Task | undefined, place: string): void {
  if (!existing) return
  throw new AlreadyRegistered(
    `task ${existing.name} is defined twice: at ${existing.place} and at ${place}; rename one of them`,
  )
}
