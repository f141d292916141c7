import type { RemoteError } from './remote-error.ts'
import type { TaskState } from './states.ts'

/** What is known of one task: the value behind a result backend's key. */
export interface TaskMeta {
  readonly taskId: string
  readonly status: TaskState
  /** The return value; a {@link RemoteError} in FAILURE, REVOKED and RETRY; the meta of STARTED and own states. */
  readonly result: unknown
  readonly traceback?: string | undefined
  /** Ids of the tasks it published. */
  readonly children?: readonly string[] | undefined
  /** Only in ready states. */
  readonly dateDone?: Date | undefined
  readonly groupId?: string | undefined
  readonly parentId?: string | undefined
  /** With `result_extended`. */
  readonly extended?: ExtendedMeta | undefined
}

export interface ExtendedMeta {
  readonly name: string
  readonly args: unknown
  readonly kwargs: unknown
  readonly worker: string | undefined
  readonly retries: number
  readonly queue: string | undefined
}

export type { RemoteError }
