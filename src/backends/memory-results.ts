import type { TaskMeta } from '../protocol/task-meta.ts'
import { throwLater } from '../util/throw-later.ts'
import { MemoryGroups } from './memory-groups.ts'
import { MemoryWorkflows } from './memory-workflows.ts'
import { loadMeta } from './stored-meta.ts'

interface StoredResult {
  readonly text: string
  readonly isFinal: boolean
  readonly expiresAt: number
}

type Watcher = (meta: TaskMeta) => void

/** How many rows one step of the clean-up looks at before it lets others run. */
const stepSize = 500

/** The results that all memory backends of one name share. */
export class MemoryResults {
  /** In the order in which they were stored. */
  readonly #results = new Map<string, StoredResult>()
  readonly #watchers = new Map<string, Set<Watcher>>()
  readonly groups: MemoryGroups = new MemoryGroups()
  readonly workflows: MemoryWorkflows = new MemoryWorkflows()

  store(taskId: string, status: string, text: string, expiresAt: number): void {
    const known = this.#results.get(taskId)
    if (known?.isFinal && known.expiresAt > Date.now()) return
    if (known) this.#results.delete(taskId)
    this.#results.set(taskId, { text, isFinal: status === 'SUCCESS', expiresAt })
    const watchers = this.#watchers.get(taskId)
    if (watchers) for (const watcher of watchers) setImmediate(() => this.#tell(taskId, watcher, text))
  }

  fetch(taskId: string): TaskMeta | undefined {
    const known = this.#results.get(taskId)
    return known && known.expiresAt > Date.now() ? loadMeta(known.text) : undefined
  }

  forget(taskId: string): void {
    this.#results.delete(taskId)
  }

  watch(taskIds: readonly string[], onMeta: Watcher): AsyncDisposable {
    // A function of its own, so that the same callback can watch the same task twice.
    const watcher: Watcher = (meta) => onMeta(meta)
    for (const taskId of taskIds) {
      const watchers = this.#watchers.get(taskId)
      if (watchers) watchers.add(watcher)
      else this.#watchers.set(taskId, new Set([watcher]))
    }
    return {
      [Symbol.asyncDispose]: async () => {
        for (const taskId of taskIds) {
          const watchers = this.#watchers.get(taskId)
          if (watchers?.delete(watcher) && watchers.size === 0) this.#watchers.delete(taskId)
        }
      },
    }
  }

  async deleteExpired(): Promise<number> {
    let deleted = await deleteInSteps(this.#results, () => 1)
    deleted += await deleteInSteps(this.groups.stored, (group) => group.parts.size)
    deleted += await deleteInSteps(this.workflows.stored, (workflow) => workflow.parts.length)
    return deleted
  }

  /** A watcher that stopped meanwhile hears nothing more. */
  #tell(taskId: string, watcher: Watcher, text: string): void {
    if (!this.#watchers.get(taskId)?.has(watcher)) return
    try {
      watcher(loadMeta(text))
    } catch (error) {
      throwLater(error)
    }
  }
}

async function deleteInSteps<T extends { readonly expiresAt: number }>(
  stored: Map<string, T>,
  rowsOf: (item: T) => number,
): Promise<number> {
  const now = Date.now()
  let deleted = 0
  let seen = 0
  for (const [key, item] of stored) {
    if (item.expiresAt <= now) {
      stored.delete(key)
      deleted += rowsOf(item)
    }
    seen += 1
    if (seen % stepSize === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return deleted
}
