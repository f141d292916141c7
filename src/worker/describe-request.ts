import type { Celeriac } from '../app/app.ts'
import type { Codec } from '../app/codec.ts'
import { Redactor } from '../app/redaction.ts'
import { isRecord } from '../protocol/describe-value.ts'
import type { Message } from '../protocol/message.ts'
import { ModelReference } from '../protocol/model-reference.ts'
import { reprArgs, reprKwargs } from '../protocol/python-repr.ts'
import { decodeHybridBody, type TaskBody } from '../protocol/task-body.ts'
import type { TaskInfo } from '../protocol/task-info.ts'
import { readTask, type TaskHeaders } from '../protocol/task-message.ts'
import type { Request } from './request.ts'

/** Arguments that take more are shown as text only, so that a reply stays small. */
const largestBody = 16 * 1024
const unreadable = { args: '<unreadable>', kwargs: '<unreadable>' }

export interface DescribeOptions {
  readonly app: Celeriac
  readonly codec: Codec
  readonly nodeName: string
  /** Arguments as texts. */
  readonly safe?: boolean
}

/** A message with a task, wherever it is. */
interface Held {
  readonly headers: TaskHeaders
  readonly message: Message
  readonly queue: string
  readonly deliveryCount: number
  /** Throws for one that cannot be read. */
  readonly body: () => TaskBody
}

/** A task that the worker holds, as it is told to others: what its task keeps secret is masked, rows are their references. */
export function describeRequest(request: Request, options: DescribeOptions): TaskInfo {
  const { headers, delivery, job, startedAtMs, isSettled } = request
  const { message, queue, deliveryCount } = delivery
  const load = (): unknown => options.codec.load(message)
  const body = (): TaskBody => (job.protocol === 2 ? decodeHybridBody(load()) : readTask(message, load).body())
  return {
    ...describeHeld({ headers, message, queue, deliveryCount, body }, options),
    timeStart: startedAtMs === 0 ? undefined : startedAtMs / 1000,
    acknowledged: isSettled,
    workerPid: startedAtMs === 0 ? undefined : (request.execution?.pid ?? process.pid),
  }
}

/** Undefined for what is no task. */
export function describeMessage(message: Message, queue: string, options: DescribeOptions): TaskInfo | undefined {
  try {
    const task = readTask(message, () => options.codec.load(message))
    const body = (): TaskBody => task.body()
    return describeHeld({ headers: task.headers, message, queue, deliveryCount: 1, body }, options)
  } catch {
    return undefined
  }
}

function describeHeld(held: Held, options: DescribeOptions): TaskInfo {
  const { headers, message, queue, deliveryCount } = held
  return {
    id: headers.id,
    name: headers.shadow ?? headers.task,
    type: headers.task,
    ...describeArguments(held, options),
    hostname: options.nodeName,
    timeStart: undefined,
    acknowledged: false,
    deliveryInfo: {
      exchange: '',
      routingKey: queue,
      priority: message.properties.priority ?? 0,
      redelivered: deliveryCount > 1,
    },
    workerPid: undefined,
  }
}

function describeArguments(
  { headers, message, body }: Held,
  { app, safe = false }: DescribeOptions,
): Pick<TaskInfo, 'args' | 'kwargs'> {
  const redactor = Redactor.of(app.tasks.get(headers.task))
  const isText = safe || message.body.length > largestBody
  // The sender does not know what is secret here.
  if (isText && !redactor && headers.argsRepr !== undefined)
    return { args: headers.argsRepr, kwargs: headers.kwargsRepr ?? '{}' }
  try {
    const read = body()
    const { args, kwargs } = redactor?.arguments(read) ?? read
    return isText ? { args: reprArgs(args), kwargs: reprKwargs(kwargs) } : { args: shown(args), kwargs: shown(kwargs) }
  } catch {
    return unreadable
  }
}

/** Kombu reads a reference to a row only where somebody told it how: others get its text. */
function shown(value: unknown): unknown {
  if (value instanceof ModelReference) return value.toString()
  if (Array.isArray(value)) return value.map((item: unknown) => shown(item))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shown(inner)]))
}
