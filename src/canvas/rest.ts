import { DecodeError } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { decodeRemoteError, encodeRemoteError, type RemoteError } from '../protocol/remote-error.ts'
import type { ChildGroup } from '../protocol/result-tuple.ts'
import type { SignatureData, TaskSignature } from '../protocol/signature-json.ts'

/**
 * Stands for what comes later in a large workflow, which the result backend keeps: a worker puts that in its place. To
 * Celery it is a task like any other, so that messages keep Celery's form.
 */
export const restTask = 'celeriac.rest'

/** Where a part of a workflow is kept. */
export interface KeptPart {
  readonly workflowId: string
  readonly part: number
}

/** The part will not run, because what comes before it ended so. */
export interface RestEnd {
  readonly state: 'FAILURE' | 'REVOKED'
  readonly error: RemoteError
  /** Callbacks for errors of its first tasks are called: it is the body of a chord that failed. */
  readonly tells: boolean
}

export interface Rest extends KeptPart {
  /** How many parts of a chord it makes. */
  readonly size: number
  /** What the task before it has as children. Undefined: its own id. */
  readonly children?: ChildGroup | string[] | undefined
  readonly end?: RestEnd | undefined
}

export function isRest(data: SignatureData): boolean {
  return data.kind === 'task' && data.task === restTask
}

export function restSignature(rest: Rest, options: TaskSignature['options']): TaskSignature {
  return {
    kind: 'task',
    task: restTask,
    args: [],
    kwargs: encodeRest(rest),
    // What it gets may be a secret of the task that it becomes.
    options: { ...options, argsRepr: '(...)', kwargsRepr: '{...}' },
    subtaskType: null,
    immutable: false,
  }
}

export function endedRest(signature: TaskSignature, end: RestEnd): TaskSignature {
  return { ...signature, args: [], kwargs: encodeRest({ ...decodeRest(signature.kwargs), end }) }
}

function encodeRest({ workflowId, part, size, children, end }: Rest): Record<string, unknown> {
  return {
    workflow: workflowId,
    part,
    ...(size === 1 ? undefined : { size }),
    ...(children && encodeChildrenOf(children)),
    ...(end && { state: end.state, error: encodeRemoteError(end.error), traceback: end.error.traceback ?? null }),
    ...(end?.tells && { tells: true }),
  }
}

/** Throws DecodeError for keyword arguments that name no part. */
export function decodeRest(kwargs: Readonly<Record<string, unknown>>): Rest {
  const { workflow, part, size = 1, state, error, traceback, tells } = kwargs
  if (typeof workflow !== 'string' || !isCount(part) || !isCount(size))
    throw new DecodeError(`${restTask} must name a workflow and the number of a part, got ${describeValue(kwargs)}`)
  const rest = { workflowId: workflow, part, size, children: decodeChildrenOf(kwargs) }
  if (state !== 'FAILURE' && state !== 'REVOKED') return rest
  const trace = typeof traceback === 'string' ? traceback : undefined
  return { ...rest, end: { state, error: decodeRemoteError(error, trace), tells: tells === true } }
}

function encodeChildrenOf(children: ChildGroup | readonly string[]): Record<string, unknown> {
  if (!('groupId' in children)) return { children }
  return { children: children.taskIds, group: children.groupId }
}

function decodeChildrenOf({ children, group }: Readonly<Record<string, unknown>>): ChildGroup | string[] | undefined {
  if (!Array.isArray(children)) return undefined
  const taskIds = children.map(String)
  return typeof group === 'string' ? { groupId: group, taskIds } : taskIds
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
