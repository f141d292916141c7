import { ImproperlyConfigured, OperationalError } from '../errors.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { SharedByName } from '../util/shared-by-name.ts'
import { whyNoMemoryHere } from '../util/slot-mark.ts'
import {
  workflowExpiresMs,
  type BackendOptions,
  type GroupPart,
  type GroupProgress,
  type IdleGroup,
  type ResultBackend,
} from './backend.ts'
import { MemoryResults } from './memory-results.ts'
import { dumpMeta, dumpPart } from './stored-meta.ts'

/** The one thing that makes `memory:name` the same backend for a whole process. */
const sharedResults = new SharedByName<MemoryResults>()

/**
 * Opens a result backend in this process's memory.
 *
 * `memory:` is a backend of its own. `memory:name` (or `memory://name`) is one for all of this process that are opened
 * with the same name; its results are gone when the last of them is disposed of.
 */
export function openMemoryBackend(url: string, options: BackendOptions): ResultBackend {
  const problem = whyNoMemoryHere('result backend')
  if (problem !== undefined) throw new ImproperlyConfigured(problem)
  const name = url.replace(/^memory:(\/\/)?/, '')
  if (name === '') return new MemoryBackend(new MemoryResults(), options, () => {})
  const share = sharedResults.share(name, () => new MemoryResults())
  return new MemoryBackend(share.value, options, () => share.release())
}

class MemoryBackend implements ResultBackend {
  readonly #results: MemoryResults
  readonly #options: BackendOptions
  readonly #onDisposed: () => void
  readonly #watches = new Set<AsyncDisposable>()
  #isDisposed = false

  constructor(results: MemoryResults, options: BackendOptions, onDisposed: () => void) {
    this.#results = results
    this.#options = options
    this.#onDisposed = onDisposed
  }

  async store(meta: TaskMeta): Promise<void> {
    this.#assertOpen('store')
    const text = dumpMeta(meta, this.#options.extended ?? false)
    this.#results.store(meta.taskId, meta.status, text, this.#expiresAt())
  }

  async fetch(taskIds: readonly string[]): Promise<(TaskMeta | undefined)[]> {
    this.#assertOpen('fetch')
    return taskIds.map((taskId) => this.#results.fetch(taskId))
  }

  async watch(taskIds: readonly string[], onMeta: (meta: TaskMeta) => void): Promise<AsyncDisposable> {
    this.#assertOpen('watch')
    const watch = this.#results.watch([...taskIds], onMeta)
    this.#watches.add(watch)
    return {
      [Symbol.asyncDispose]: async () => {
        this.#watches.delete(watch)
        await watch[Symbol.asyncDispose]()
      },
    }
  }

  async forget(taskId: string): Promise<void> {
    this.#assertOpen('forget')
    this.#results.forget(taskId)
  }

  async addGroupPart(groupId: string, part: GroupPart): Promise<GroupProgress> {
    this.#assertOpen('addGroupPart')
    const stored = { index: part.index, text: dumpPart(part), token: part.token }
    return this.#results.groups.add(groupId, part.taskId, stored, this.#expiresAt())
  }

  async setGroupSize(groupId: string, size: number, body?: string): Promise<void> {
    this.#assertOpen('setGroupSize')
    this.#results.groups.setSize(groupId, size, body, this.#expiresAt())
  }

  async idleGroups(idleMs: number): Promise<IdleGroup[]> {
    this.#assertOpen('idleGroups')
    return this.#results.groups.idle(idleMs)
  }

  async extendGroup(groupId: string, _taskId: string): Promise<void> {
    this.#assertOpen('extendGroup')
    this.#results.groups.extend(groupId, this.#expiresAt())
  }

  async groupParts(groupId: string): Promise<GroupPart[]> {
    this.#assertOpen('groupParts')
    return this.#results.groups.parts(groupId)
  }

  async saveGroup(groupId: string, taskIds: readonly string[]): Promise<void> {
    this.#assertOpen('saveGroup')
    this.#results.groups.save(groupId, taskIds, this.#expiresAt())
  }

  async savedGroup(groupId: string): Promise<readonly string[] | undefined> {
    this.#assertOpen('savedGroup')
    return this.#results.groups.saved(groupId)
  }

  async forgetGroup(groupId: string): Promise<void> {
    this.#assertOpen('forgetGroup')
    this.#results.groups.forget(groupId)
  }

  async closeGroup(groupId: string): Promise<void> {
    this.#assertOpen('closeGroup')
    this.#results.groups.close(groupId, this.#expiresAt())
  }

  async keepWorkflow(workflowId: string, parts: readonly string[]): Promise<void> {
    this.#assertOpen('keepWorkflow')
    this.#results.workflows.keep(workflowId, parts, this.#workflowExpiresAt())
  }

  async workflowPart(workflowId: string, part: number): Promise<string | null | undefined> {
    this.#assertOpen('workflowPart')
    return this.#results.workflows.part(workflowId, part, this.#workflowExpiresAt())
  }

  async useWorkflowPart(workflowId: string, part: number): Promise<void> {
    this.#assertOpen('useWorkflowPart')
    this.#results.workflows.use(workflowId, part, this.#expiresAt())
  }

  async deleteExpired(): Promise<number> {
    this.#assertOpen('deleteExpired')
    return await this.#results.deleteExpired()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return
    this.#isDisposed = true
    for (const watch of this.#watches) await watch[Symbol.asyncDispose]()
    this.#onDisposed()
  }

  #expiresAt(): number {
    return Date.now() + (this.#options.expiresMs ?? Infinity)
  }

  #workflowExpiresAt(): number {
    return Date.now() + (workflowExpiresMs(this.#options) ?? Infinity)
  }

  #assertOpen(operation: string): void {
    if (this.#isDisposed) {
      throw new OperationalError(`The memory backend was disposed of and cannot ${operation}; open a new one.`)
    }
  }
}
