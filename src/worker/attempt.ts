import type { Celeriac } from '../app/app.ts'
import type { Codec } from '../app/codec.ts'
import { type AttemptHooks, TaskContext, type TaskRequest } from '../app/context.ts'
import type { Arguments } from '../app/model-declaration.ts'
import { Redactor } from '../app/redaction.ts'
import { taskIdTime } from '../app/task-id.ts'
import type { CompiledOptions } from '../app/compiled-options.ts'
import type { Task } from '../app/task.ts'
import type { Attempt, Job } from '../pools/pool.ts'
import { emptyEmbed, type Embed, type TaskBody } from '../protocol/task-body.ts'
import type { ChildGroup } from '../protocol/result-tuple.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { ignoresResult, storesErrors } from './result-policy.ts'

/** What every attempt of a worker has in common. */
export interface ExecutorOptions {
  readonly hostname: string
  readonly codec: Codec
  readonly isEager: boolean
  readonly store: (meta: TaskMeta) => Promise<void>
  /** A body held the event loop for this long, up to its first await. */
  readonly onBlocked?: (taskName: string, taskId: string, blockedMs: number) => void
  /** From when on `onBlocked` is told. Milliseconds. */
  readonly blockWarningMs?: number | undefined
}

/**
 * One attempt on its way through the pipeline. It is the hooks of its body's context itself: a literal with a getter has
 * a hidden class of its own, which keeps what the getter sees from being collected with the young garbage.
 */
export class TaskAttempt implements AttemptHooks {
  readonly app: Celeriac
  readonly worker: ExecutorOptions
  readonly job: Job
  readonly task: Task
  readonly options: CompiledOptions
  readonly slot: Attempt
  /** Masks what the task's `secret` option names; undefined if it names nothing. */
  readonly redactor: Redactor | undefined
  readonly #startedAt = performance.now()
  #isAccepted: boolean | undefined
  #runtimeMs: number | undefined
  /** As it came: references, not rows. */
  body: TaskBody = emptyBody
  context: TaskContext | undefined
  /** The tasks and groups that follow this one. */
  followers: readonly (string | ChildGroup)[] = noChildren

  constructor(app: Celeriac, worker: ExecutorOptions, job: Job, task: Task, slot: Attempt) {
    this.app = app
    this.worker = worker
    this.job = job
    this.task = task
    this.options = task.compiledFor(app)
    this.slot = slot
    this.redactor = Redactor.of(task)
  }

  get taskId(): string {
    return this.job.headers.id
  }

  get runtimeMs(): number {
    return this.#runtimeMs ?? performance.now() - this.#startedAt
  }

  /** The body is over. False: too late, nothing it did is accepted. The first answer stays. */
  bodyEnded(): boolean {
    this.#runtimeMs ??= performance.now() - this.#startedAt
    return (this.#isAccepted ??= this.slot.bodyEnded())
  }

  /** As `bodyEnded`, where it returned: a body that is told to stop because the worker does, and yet gets done, is done. */
  bodyReturned(): boolean {
    const { cancelled: reason } = this.slot
    return this.bodyEnded() && (reason === undefined || reason === 'shutdown')
  }

  /** When the call was made, as far as its id tells. */
  get sentAt(): Date | undefined {
    return taskIdTime(this.taskId)
  }

  get signal(): AbortSignal {
    return this.slot.signal
  }

  /** What a body leaves behind does not replace how it ended. */
  updateState(status: string, result: unknown): Promise<void> {
    if (this.slot.cancelled || this.ignoresResult || this.#isAccepted !== undefined) return Promise.resolve()
    return this.store({ status, result })
  }

  get ignoresResult(): boolean {
    return ignoresResult(this.job.headers, this.options)
  }

  get storesErrors(): boolean {
    return storesErrors(this.job.headers, this.options)
  }

  store(state: Pick<TaskMeta, 'status' | 'result'> & Partial<TaskMeta>): Promise<void> {
    const { headers, queue } = this.job
    const published = this.context?.children ?? noChildren
    const { followers } = this
    const meta: TaskMeta = {
      ...state,
      taskId: headers.id,
      children: followers.length === 0 ? published : [...published, ...idsOf(followers)],
      childGroups: followers.length === 0 ? undefined : followers.filter((one) => typeof one !== 'string'),
      groupId: headers.group,
      parentId: headers.parentId,
    }
    if (!this.app.config.result.extended) return this.worker.store(meta)
    const { args, kwargs } = this.redactor?.arguments(this.body) ?? this.body
    const { task: name, retries } = headers
    return this.worker.store({
      ...meta,
      extended: { name, args, kwargs, worker: this.worker.hostname, retries, queue },
    })
  }

  /** As the body sees it; before there is a context, with the arguments as they came. */
  get request(): TaskRequest {
    return this.context?.request ?? requestOf(this.job, this.body, this.worker)
  }

  get embed(): Embed {
    return this.body.embed
  }

  /** The context of the body, with its arguments as they were loaded. */
  open(args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): TaskContext {
    this.context = new TaskContext(this.app, this.task, requestOf(this.job, { args, kwargs }, this.worker), this)
    return this.context
  }
}

/** What a body is told of its call. */
export function requestOf(
  {
    headers,
    queue,
    message,
    deliveryCount,
    hardTimeLimitMs,
    softTimeLimitMs,
  }: Pick<Job, 'headers' | 'queue' | 'message' | 'deliveryCount'> & Partial<Job>,
  { args, kwargs }: Arguments,
  { hostname, isEager }: Pick<ExecutorOptions, 'hostname' | 'isEager'>,
): TaskRequest {
  return {
    id: headers.id,
    task: headers.task,
    args,
    kwargs,
    retries: headers.retries,
    eta: headers.eta,
    expires: headers.expires,
    rootId: headers.rootId ?? headers.id,
    parentId: headers.parentId,
    group: headers.group,
    groupIndex: headers.groupIndex,
    headers: headers.custom,
    stamps: headers.stamps,
    deliveryInfo: { queue, priority: message.properties.priority, redelivered: deliveryCount > 1, deliveryCount },
    timeLimit: { hard: seconds(hardTimeLimitMs), soft: seconds(softTimeLimitMs) },
    hostname: hostname,
    origin: headers.origin,
    correlationId: message.properties.correlationId,
    replyTo: message.properties.replyTo,
    isEager: isEager,
    calledDirectly: false,
  }
}

const noChildren: readonly string[] = Object.freeze([])
const emptyBody: TaskBody = Object.freeze({ args: [], kwargs: {}, embed: emptyEmbed })

function idsOf(children: readonly (string | ChildGroup)[]): string[] {
  return children.flatMap((one) => (typeof one === 'string' ? [one] : one.taskIds))
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}
