import type { TaskMeta } from '../protocol/task-meta.ts'

/** One finished member of a group. */
export interface GroupPart {
  readonly index: number
  readonly taskId: string
  readonly status: string
  /** As in {@link TaskMeta}: a RemoteError in FAILURE and REVOKED. */
  readonly result: unknown
  /** Tells the attempt that reports it from others of the same task. */
  readonly token?: string | undefined
}

/** How far a group is. */
export interface GroupProgress {
  /** Which of the members this is, in the order in which they came, from 1. 0: the group is closed. */
  readonly place: number
  /** The attempt that this token names was the first to report it. */
  readonly isFirst: boolean
  /** How many there are to be, if the store was told. */
  readonly size: number | undefined
}

/** A chord that waits for members nobody has heard of for long. */
export interface IdleGroup {
  readonly groupId: string
  /** As it was given. */
  readonly body: string
  readonly missing: number
}

export interface BackendOptions {
  /** How long a result is kept after it was stored (`result_expires`), in milliseconds. Undefined: for ever. */
  readonly expiresMs: number | undefined
  /** Keep name, arguments, worker, retries and queue too (`result_extended`). Default false. */
  readonly extended?: boolean | undefined
  /** How results are written (`result_serializer`), where others may read them: on Redis. Default `'json'`. */
  readonly serializer?: string | undefined
  /** Which serializers may be read (`result_accept_content`), there. Default: that one. */
  readonly acceptContent?: readonly string[] | undefined
  /** `result_backend_transport_options`, for the backend to check. Default none. */
  readonly transportOptions?: Readonly<Record<string, unknown>> | undefined
}

const day = 86_400_000

/** How long parts of a workflow are kept after they were last asked for, in milliseconds. Undefined: for ever. */
export function workflowExpiresMs({ expiresMs }: Pick<BackendOptions, 'expiresMs'>): number | undefined {
  return expiresMs === undefined ? undefined : Math.max(30 * day, expiresMs)
}

/** Why states wait, and the first of the tasks whose do. */
export interface WaitingForRoom {
  readonly reason: Error
  readonly taskId: string
}

/** Keeps what became of each task. SUCCESS is final: later states of that task are dropped. */
export interface ResultBackend extends AsyncDisposable {
  /** Resolves once the state is stored for good. Stores of one turn of the event loop travel together. */
  store(meta: TaskMeta): Promise<void>
  /** In the order of `taskIds`; undefined where nothing is known (PENDING in Celery's words). */
  fetch(taskIds: readonly string[]): Promise<(TaskMeta | undefined)[]>
  /**
   * Calls `onMeta` for each state stored from now on, in order: pushed where the store can, polled where not. Fetch
   * after watching: what was stored before is not repeated. A state that is replaced soon may be skipped, the last one
   * never. What `onMeta` throws becomes an uncaught exception of the process.
   */
  watch(taskIds: readonly string[], onMeta: (meta: TaskMeta) => void): Promise<AsyncDisposable>
  forget(taskId: string): Promise<void>
  /** Adds one finished member of a group, once: one that comes again keeps its place, and its last result counts. */
  addGroupPart(groupId: string, part: GroupPart): Promise<GroupProgress>
  /** How many members the group is to have. With the body of its chord, it is watched until it is closed. */
  setGroupSize(groupId: string, size: number, body?: string): Promise<void>
  /**
   * Watched groups to which nobody was added for `idleMs`, or up to a quarter longer. Each is given to one who asks, and
   * again after as long.
   */
  idleGroups(idleMs: number): Promise<IdleGroup[]>
  /** One more than that: this task. */
  extendGroup(groupId: string, taskId: string): Promise<void>
  /** The members that came, in the order of their index; where that is the same, of their task's id. */
  groupParts(groupId: string): Promise<GroupPart[]>
  /** Remembers which tasks a group has, for who knows its id alone. */
  saveGroup(groupId: string, taskIds: readonly string[]): Promise<void>
  /** Undefined for a group that was not saved, or expired. */
  savedGroup(groupId: string): Promise<readonly string[] | undefined>
  forgetGroup(groupId: string): Promise<void>
  /** Forgets the members, and remembers until the group expires that none counts any more. */
  closeGroup(groupId: string): Promise<void>
  /**
   * Keeps parts of a workflow, which tasks ask for by their number: until all of them are used, or nobody asked for any of
   * them for 30 days, or for `expiresMs` if that is longer.
   */
  keepWorkflow(workflowId: string, parts: readonly string[]): Promise<void>
  /** A part that is kept; null if it is used; undefined if nothing is known of it. */
  workflowPart(workflowId: string, part: number): Promise<string | null | undefined>
  /** Forgets the part, and remembers that it was used. */
  useWorkflowPart(workflowId: string, part: number): Promise<void>
  /**
   * Calls `onChange` when states begin to wait because the store is full, and with undefined when they are stored again.
   * Missing where a full store rejects at once.
   */
  watchRoom?(onChange: (waiting: WaitingForRoom | undefined) => void): Disposable
  /** Deletes what expired, in small batches that do not hold up others, and returns how many rows went. */
  deleteExpired(): Promise<number>
}
