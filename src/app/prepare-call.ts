import os from 'node:os'
import type { Outgoing } from '../brokers/broker.ts'
import { EncodeError, InvalidArguments } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { Message } from '../protocol/message.ts'
import { reprArgs, reprKwargs } from '../protocol/python-repr.ts'
import { emptyEmbed, encodeTaskBody, type Embed } from '../protocol/task-body.ts'
import { encodeTaskHeaders, type TaskHeaders } from '../protocol/task-message.ts'
import { durationMs } from '../util/duration.ts'
import type { Celeriac } from './app.ts'
import type { CallOptions } from './call-options.ts'
import { callReferences } from './call-references.ts'
import { checkHeaders } from './check-headers.ts'
import type { Codec, EncodedBody } from './codec.ts'
import { maybeCurrentTask, type TaskContext } from './context.ts'
import { Redactor } from './redaction.ts'
import { newTaskId } from './task-id.ts'
import type { CompiledOptions } from './compiled-options.ts'
import type { DispatchMode } from './task-options.ts'
import type { Task } from './task.ts'
import type { Scope } from './transactions.ts'
import { parseTime } from './zoned-time.ts'

/** A call made into a message, with what the pipeline still needs to know of it. */
export interface PreparedCall {
  readonly taskName: string
  readonly taskId: string
  /** Those of the message; a signal may change them before it leaves. */
  readonly headers: Record<string, unknown>
  readonly outgoing: Outgoing
  readonly ignoresResult: boolean
}

/** A call as it was made; `task` is undefined for one that is defined elsewhere. */
export interface Call {
  readonly taskName: string
  readonly task: Task | undefined
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: CallOptions
  readonly mode: DispatchMode
  /** The open transaction that it waits for. */
  readonly scope: Scope | undefined
  /** Undefined for a call on its own. */
  readonly workflow?: CallWorkflow | undefined
}

/** The place of a call in a workflow. */
export interface CallWorkflow {
  readonly embed: Embed
  /** The arguments hold references already. */
  readonly isReferenced: boolean
  /** With a root, the call is that of a task that is over; else of the one that runs, if any. */
  readonly rootId?: string | undefined
  readonly parentId?: string | undefined
  /** Of the message of the task that is over. */
  readonly parentPriority?: number | undefined
  readonly group?: string | undefined
  readonly groupIndex?: number | undefined
  readonly replyTo?: string | undefined
  readonly stamps: Readonly<Record<string, unknown>>
  readonly replacedTaskNesting: number
}

type Arguments = Pick<Call, 'args' | 'kwargs'>

const noHeaders: Readonly<Record<string, unknown>> = Object.freeze({})
const noStamps: Readonly<Record<string, unknown>> = Object.freeze({})
const origin = `gen${process.pid}@${os.hostname()}`

/** Encodes the arguments, finds the queue, writes headers and body. Throws EncodeError for what cannot travel. */
export function prepareCall(app: Celeriac, codec: Codec, call: Call): PreparedCall {
  const { taskName, task, options } = call
  if (!task) checkTaskName(taskName)
  const compiled = task?.compiledFor(app)
  const references = referencesOf(app, call)
  const embed = call.workflow?.embed ?? emptyEmbed
  const body = encodeTaskBody({ args: references.args, kwargs: references.kwargs, embed })
  const serializer = options.serializer ?? compiled?.serializer ?? app.config.task.serializer
  const encoded = dumpBody(codec, body, serializer, options.compression ?? compiled?.compression, taskName)
  checkHeaders(app, call)
  const ignoresResult = options.ignoreResult ?? compiled?.ignoreResult ?? app.config.task.ignoreResult
  const eta = etaOf(options, app.config.timezone)
  const headers = encodeTaskHeaders(headersOf(app, call, references, { eta, ignoresResult, compiled }))
  if (encoded.compression !== undefined) headers['compression'] = encoded.compression
  const route = app.router.route(taskName)
  const taskId = headers['id'] as string
  const priority = options.priority ?? compiled?.priority ?? route.priority ?? inheritedPriority(app, call)
  const { contentType, contentEncoding, body: bytes } = encoded
  const message: Message = {
    headers,
    properties: propertiesOf(taskId, priority, call.workflow?.replyTo),
    contentType,
    contentEncoding,
    body: bytes,
  }
  const queue = options.queue ?? compiled?.queue ?? route.queue
  return {
    taskName,
    taskId,
    headers,
    ignoresResult,
    outgoing: eta ? { message, queue, deliverAt: eta } : { message, queue },
  }
}

/** Who defines a task has checked its name; readers refuse others than these. */
function checkTaskName(name: unknown): void {
  if (typeof name === 'string' && name !== '' && name.length <= 1000) return
  throw new InvalidArguments(`the name of a task must be text of 1 to 1000 characters, got ${describeValue(name)}`)
}

/** An error names the argument: `$.args[0]` and `$.kwargs.name`, which stand first and second in the body. */
function dumpBody(
  codec: Codec,
  body: unknown,
  serializer: string,
  compression: string | undefined,
  taskName: string,
): EncodedBody {
  try {
    return codec.dump(body, serializer, compression)
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error
    const message = error.message.replace(/^\$\[0\]/, '$.args').replace(/^\$\[1\]/, '$.kwargs')
    throw new EncodeError(`${taskName}: ${message}`, { cause: error.cause })
  }
}

function referencesOf(app: Celeriac, call: Call): Arguments {
  if (call.workflow?.isReferenced) return call
  const { args, kwargs } = call
  return callReferences(app, call.task, { args, kwargs }, call.scope !== undefined)
}

function inheritedPriority(app: Celeriac, { workflow }: Call): number | undefined {
  if (!app.config.task.inheritParentPriority) return undefined
  return workflow?.rootId === undefined ? callerOf(app)?.request.deliveryInfo?.priority : workflow.parentPriority
}

function propertiesOf(taskId: string, priority: number | undefined, replyTo?: string): Message['properties'] {
  if (replyTo !== undefined) return { ...propertiesOf(taskId, priority), replyTo }
  if (priority === undefined) return { correlationId: taskId, deliveryMode: 2 }
  return { correlationId: taskId, deliveryMode: 2, priority }
}

interface Resolved {
  readonly eta: Date | undefined
  readonly ignoresResult: boolean
  readonly compiled: CompiledOptions | undefined
}

function headersOf(
  app: Celeriac,
  { taskName, task, options, workflow }: Call,
  references: Arguments,
  { eta, ignoresResult, compiled }: Resolved,
): TaskHeaders {
  const id = options.taskId ?? newTaskId()
  const caller = workflow?.rootId === undefined ? callerOf(app) : undefined
  caller?.addChild(id)
  const shown = Redactor.of(task ?? app.tasks.get(taskName))?.arguments(references) ?? references
  return {
    task: taskName,
    id,
    rootId: workflow?.rootId ?? caller?.request.rootId ?? id,
    parentId: workflow?.parentId ?? caller?.request.id,
    group: workflow?.group,
    groupIndex: workflow?.groupIndex,
    retries: 0,
    eta,
    expires: expiresOf(options, compiled?.expiresMs),
    hardTimeLimit: options.timeLimit === undefined ? undefined : durationMs(options.timeLimit, 'timeLimit') / 1000,
    softTimeLimit:
      options.softTimeLimit === undefined ? undefined : durationMs(options.softTimeLimit, 'softTimeLimit') / 1000,
    shadow: options.shadow,
    argsRepr: options.argsRepr ?? reprArgs(shown.args),
    kwargsRepr: options.kwargsRepr ?? reprKwargs(shown.kwargs),
    origin,
    ignoreResult: ignoresResult,
    replacedTaskNesting: workflow?.replacedTaskNesting ?? 0,
    stampedHeaders: stampedHeadersOf(workflow),
    stamps: workflow?.stamps ?? noStamps,
    custom: options.headers ?? noHeaders,
  }
}

function callerOf(app: Celeriac): TaskContext | undefined {
  const parent = maybeCurrentTask()
  return parent?.app === app && !parent.request.calledDirectly ? parent : undefined
}

function stampedHeadersOf(workflow: CallWorkflow | undefined): string[] | undefined {
  const names = Object.keys(workflow?.stamps ?? noStamps)
  return names.length === 0 ? undefined : names
}

function etaOf({ eta, countdown }: CallOptions, timezone: string): Date | undefined {
  if (typeof eta === 'string') return parseTime(eta, timezone)
  if (eta !== undefined || countdown === undefined) return eta
  const delayMs = durationMs(countdown, 'countdown')
  return delayMs === 0 ? undefined : new Date(Date.now() + delayMs)
}

function expiresOf({ expires }: CallOptions, taskExpiresMs: number | undefined): Date | undefined {
  if (expires instanceof Date) return expires
  const lifeMs = expires === undefined ? taskExpiresMs : durationMs(expires, 'expires')
  return lifeMs === undefined ? undefined : new Date(Date.now() + lifeMs)
}
