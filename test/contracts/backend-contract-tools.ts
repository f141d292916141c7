import { randomUUID } from 'node:crypto'
import assert from 'node:assert/strict'
import type { BackendOptions, ResultBackend } from '../../src/backends/backend.ts'
import type { TaskMeta } from '../../src/protocol/task-meta.ts'
import { type Define, until } from './contract.ts'

export interface OpenedBackend {
  /** Keeps results for a day, without the extended fields. */
  readonly backend: ResultBackend
  /** Ends everything the test opened and removes the store. */
  dispose(): Promise<void>
  /** A second connection to the same store, with options of its own; the test disposes of it. */
  readonly reopen: (options?: Partial<BackendOptions>) => Promise<ResultBackend>
}

export type DefineBackend = Define<OpenedBackend>

export function success(taskId: string, result: unknown = null): TaskMeta {
  return { taskId, status: 'SUCCESS', result, children: [], dateDone: new Date() }
}

export function failure(taskId: string, message = 'broken'): TaskMeta {
  const result = { type: 'TypeError', details: [message], module: 'app', traceback: 'TypeError: …\n  at …' }
  return { taskId, status: 'FAILURE', result, traceback: result.traceback, children: [], dateDone: new Date() }
}

export function progress(taskId: string, done: number): TaskMeta {
  return { taskId, status: 'PROGRESS', result: { done } }
}

export function ids(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID())
}

/** The meta without fields that are not set. */
export function known(meta: TaskMeta | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(meta ?? {}).filter(([, value]) => value !== undefined))
}

export async function fetchOne(backend: ResultBackend, taskId: string): Promise<TaskMeta | undefined> {
  const metas = await backend.fetch([taskId])
  assert.equal(metas.length, 1)
  return metas[0]
}

/** Hears what a watch tells. */
export class Ear {
  readonly heard: TaskMeta[] = []
  readonly onMeta = (meta: TaskMeta): void => {
    this.heard.push(meta)
  }

  /** `task:STATUS` of everything heard. */
  get states(): string[] {
    return this.heard.map((meta) => `${meta.taskId}:${meta.status}`)
  }

  /** Waits for as many states, then requires them to be these and in this order. */
  async hears(...states: readonly string[]): Promise<void> {
    await this.hearsSome(states.length)
    assert.deepEqual(this.states, states)
  }

  async hearsSome(count: number): Promise<void> {
    await until(
      () => this.heard.length >= count,
      () => `${count} states, heard ${this.states.join(', ')}`,
    )
  }
}
