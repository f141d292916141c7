import type { TaskConfig } from './config-type.ts'
import { setting, type Settings } from './setting.ts'
import { flag, integer, limit, names, oneOf, optional, serializer, size, text } from './setting-kinds.ts'
import { rateLimit, routes } from './special-kinds.ts'

const priority = optional(integer(0, 9))

export const taskSettings: Settings<TaskConfig> = {
  serializer: setting(serializer, 'json', 'How arguments are written; msgpack and yaml need their package installed.'),
  compression: setting(
    optional(oneOf('gzip', 'zlib', 'brotli', 'zstd')),
    undefined,
    'How message bodies are compressed.',
  ),
  defaultQueue: setting(
    text,
    'celery',
    'The queue of tasks that no route sends elsewhere, and which a worker serves without -Q.',
  ),
  defaultPriority: setting(
    priority,
    undefined,
    'The priority of tasks that name none: 0 to 9, higher first; unset is lowest.',
  ),
  inheritParentPriority: setting(
    flag,
    false,
    'Tasks that name no priority have that of the task which calls them, or which they follow in a workflow.',
  ),
  routes: setting(routes, {}, 'Task names or globs to queues; the first that fits counts.'),
  broadcastQueues: setting(
    names,
    [],
    "Queues whose messages every worker gets that serves them, at most once and only while it runs (Celery: task_queues with Broadcast('name')).",
  ),
  celeriacQueues: setting(
    optional(names),
    undefined,
    "Queues, or globs, that no worker of Celery takes messages from: large workflows in them are kept in the result backend instead of in each message. Unset: all on memory and SQLite, none elsewhere. ['*']: all.",
  ),
  acksLate: setting(
    flag,
    true,
    'Acknowledge a message after its task, so that a task whose worker dies runs again (Celery: false). Tasks should be safe to repeat.',
  ),
  trackStarted: setting(flag, false, 'Store the state STARTED when a task begins.'),
  timeLimitMs: setting(optional(limit), undefined, 'The hard time limit: the task is stopped and fails.'),
  softTimeLimitMs: setting(
    optional(limit),
    undefined,
    'The soft time limit: the signal of the task aborts and it may clean up.',
  ),
  ignoreResult: setting(flag, false, 'Store no results, but for tasks that say otherwise.'),
  storeErrorsEvenIfIgnored: setting(flag, false, 'Store failures also of tasks whose results are ignored.'),
  alwaysEager: setting(flag, false, "delay() and applyAsync() run the task in the caller's process; for tests."),
  eagerPropagates: setting(flag, false, 'An eager task that fails throws out of delay().'),
  storeEagerResult: setting(flag, false, 'Eager tasks store their results in the backend too.'),
  defaultRateLimit: setting(optional(rateLimit), undefined, 'The rate limit of tasks that have none of their own.'),
  maxDeliveries: setting(
    integer(1),
    5,
    'How often a message is delivered before it goes to the dead letters because its worker dies under it.',
  ),
  publishTimeoutMs: setting(limit, 10_000, 'How long delay() may take in all before it rejects.'),
  maxMessageSize: setting(
    size,
    16 * 1024 ** 2,
    'The largest message in bytes; a larger one is refused at the call and by the worker.',
  ),
  dispatch: setting(
    oneOf('auto', 'afterCommit', 'outbox', 'now'),
    'auto',
    "What a call does inside a transaction: 'auto' and 'afterCommit' send it after the commit, 'outbox' writes it with the transaction, 'now' does not wait.",
  ),
  sendSentEvent: setting(flag, false, 'Send an event, task-sent, for each call.'),
}
