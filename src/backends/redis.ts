import { openRedis, parseRedisOptions, type Redis } from '../drivers/open-redis.ts'
import { OperationalError } from '../errors.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import {
  workflowExpiresMs,
  type BackendOptions,
  type GroupPart,
  type GroupProgress,
  type IdleGroup,
  type ResultBackend,
  type WaitingForRoom,
} from './backend.ts'
import { RedisGroups } from './redis-groups.ts'
import { RedisResultKeys } from './redis-keys.ts'
import { PatientCommands } from './redis-patience.ts'
import { RedisResultStore } from './redis-result-store.ts'
import { RedisResultWatch } from './redis-result-watch.ts'
import { RedisWorkflows } from './redis-workflows.ts'
import { openResultForm, type ResultForm } from './result-form.ts'
import { dumpMeta, loadMetaOf } from './stored-meta.ts'

/**
 * Opens Celery's Redis result backend: Python clients and workers may share it. Throws OperationalError if Redis cannot
 * be reached, ImproperlyConfigured for a wrong URL or option.
 */
export async function openRedisBackend(url: string, options: BackendOptions): Promise<ResultBackend> {
  const parsed = parseRedisOptions(options.transportOptions ?? {}, 'the Redis result backend')
  const form = await openResultForm(options.serializer ?? 'json', options.acceptContent)
  return new RedisBackend(await openRedis(url, parsed), options, form)
}

class RedisBackend implements ResultBackend {
  readonly #redis: Redis
  readonly #isExtended: boolean
  readonly #form: ResultForm
  readonly #keys: RedisResultKeys
  readonly #stores: PatientCommands
  readonly #reads: PatientCommands
  readonly #results: RedisResultStore
  readonly #groups: RedisGroups
  readonly #workflows: RedisWorkflows
  readonly #watch: RedisResultWatch
  readonly #roomWatches = new Set<(waiting: WaitingForRoom | undefined) => void>()
  #isDisposed = false

  constructor(redis: Redis, { expiresMs, extended = false }: BackendOptions, form: ResultForm) {
    const { commands, subscriber, prefix } = redis
    const { retryTimeoutMs, socketTimeoutMs, resultChordOrdered: isOrdered } = redis.options
    this.#redis = redis
    this.#isExtended = extended
    this.#form = form
    this.#keys = new RedisResultKeys(prefix)
    this.#stores = new PatientCommands(commands, retryTimeoutMs, (waiting) => {
      for (const onChange of this.#roomWatches) onChange(waiting)
    })
    this.#reads = new PatientCommands(commands, socketTimeoutMs)
    const taskIdOf = (key: string): string => this.#keys.taskIdOf(key)
    const { isBinary } = form
    this.#results = new RedisResultStore(commands, this.#stores, this.#reads, { expiresMs, isBinary, taskIdOf })
    this.#groups = new RedisGroups(commands, this.#stores, this.#keys, { isOrdered, expiresMs, form })
    const keptMs = workflowExpiresMs({ expiresMs })
    this.#workflows = new RedisWorkflows(commands, this.#stores, this.#keys, { keptMs, expiresMs })
    this.#watch = new RedisResultWatch(subscriber, this.#keys, form, (keys) => this.#results.fetch(keys))
  }

  async store(meta: TaskMeta): Promise<void> {
    this.#assertOpen('store')
    await this.#results.store(this.#keys.task(meta.taskId), dumpMeta(meta, this.#isExtended, this.#form))
  }

  async fetch(taskIds: readonly string[]): Promise<(TaskMeta | undefined)[]> {
    this.#assertOpen('fetch')
    const texts = await this.#results.fetch(taskIds.map((taskId) => this.#keys.task(taskId)))
    return texts.map((text, index) =>
      text === undefined ? undefined : loadMetaOf(taskIds[index] ?? '', text, this.#form),
    )
  }

  async watch(taskIds: readonly string[], onMeta: (meta: TaskMeta) => void): Promise<AsyncDisposable> {
    this.#assertOpen('watch')
    return await this.#watch.watch(taskIds, onMeta)
  }

  async forget(taskId: string): Promise<void> {
    this.#assertOpen('forget')
    await this.#results.forget(this.#keys.task(taskId))
  }

  async addGroupPart(groupId: string, part: GroupPart): Promise<GroupProgress> {
    this.#assertOpen('addGroupPart')
    return await this.#groups.add(groupId, part)
  }

  async setGroupSize(groupId: string, size: number, body?: string): Promise<void> {
    this.#assertOpen('setGroupSize')
    await this.#groups.setSize(groupId, size, body)
  }

  async idleGroups(idleMs: number): Promise<IdleGroup[]> {
    this.#assertOpen('idleGroups')
    return await this.#groups.idle(idleMs)
  }

  async extendGroup(groupId: string, taskId: string): Promise<void> {
    this.#assertOpen('extendGroup')
    await this.#groups.extend(groupId, taskId)
  }

  async groupParts(groupId: string): Promise<GroupPart[]> {
    this.#assertOpen('groupParts')
    return await this.#groups.parts(groupId)
  }

  async saveGroup(groupId: string, taskIds: readonly string[]): Promise<void> {
    this.#assertOpen('saveGroup')
    await this.#groups.save(groupId, taskIds)
  }

  async savedGroup(groupId: string): Promise<readonly string[] | undefined> {
    this.#assertOpen('savedGroup')
    return await this.#groups.saved(groupId)
  }

  async forgetGroup(groupId: string): Promise<void> {
    this.#assertOpen('forgetGroup')
    await this.#groups.forget(groupId)
  }

  async closeGroup(groupId: string): Promise<void> {
    this.#assertOpen('closeGroup')
    await this.#groups.close(groupId)
  }

  async keepWorkflow(workflowId: string, parts: readonly string[]): Promise<void> {
    this.#assertOpen('keepWorkflow')
    await this.#workflows.keep(workflowId, parts)
  }

  async workflowPart(workflowId: string, part: number): Promise<string | null | undefined> {
    this.#assertOpen('workflowPart')
    return await this.#workflows.part(workflowId, part)
  }

  async useWorkflowPart(workflowId: string, part: number): Promise<void> {
    this.#assertOpen('useWorkflowPart')
    await this.#workflows.use(workflowId, part)
  }

  watchRoom(onChange: (waiting: WaitingForRoom | undefined) => void): Disposable {
    this.#roomWatches.add(onChange)
    return { [Symbol.dispose]: () => void this.#roomWatches.delete(onChange) }
  }

  /** Redis does that itself. */
  async deleteExpired(): Promise<number> {
    this.#assertOpen('deleteExpired')
    return 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return
    this.#isDisposed = true
    await this.#watch.stop()
    this.#results.flush()
    const closed = new OperationalError('The Redis result backend was disposed of while there was no connection')
    this.#stores.close(closed)
    this.#reads.close(closed)
    await this.#results.idle()
    await this.#redis[Symbol.asyncDispose]()
  }

  #assertOpen(operation: string): void {
    if (this.#isDisposed) {
      throw new OperationalError(`The Redis result backend was disposed of and cannot ${operation}; open a new one.`)
    }
  }
}
