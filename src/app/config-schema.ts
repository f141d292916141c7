import type {
  BrokerConfig,
  Config,
  EventConfig,
  OutboxConfig,
  ResultConfig,
  TaskConfig,
  WorkerConfig,
} from './config-type.ts'
import {
  duration,
  flag,
  integer,
  limit,
  names,
  oneOf,
  onlyTrue,
  optional,
  optionalUrl,
  rateLimit,
} from './setting-kinds.ts'
import { autoscale, memory, pool, record, routes, size, text, timezone, tls, url, type Kind } from './setting-kinds.ts'

/** One setting: what it may be, what it is when nobody says anything, and what it does. */
export interface Setting<T = unknown> {
  readonly kind: Kind<T>
  /** In the unit of the field, so milliseconds for durations. */
  readonly default: T
  readonly doc: string
  /** The value may hold passwords: it is masked wherever it is shown. */
  readonly isSecret?: true
}

type Settings<Group> = { readonly [Field in keyof Group]-?: Setting<Group[Field]> }

function setting<T>(kind: Kind<T>, value: NoInfer<T>, doc: string, isSecret?: true): Setting<T> {
  return { kind, default: value, doc, ...(isSecret && { isSecret }) }
}

const defaultUrl = 'sqlite:./celeriac.db'

const serializer = oneOf('json', 'msgpack', 'yaml')
const priority = optional(integer(0, 9))
const hour = 3_600_000

const broker: Settings<BrokerConfig> = {
  url: setting(
    url,
    defaultUrl,
    'Where messages wait: a URL. Nothing given: a SQLite file in the working directory.',
    true,
  ),
  connectionTimeoutMs: setting(limit, 4000, 'How long one attempt to connect to the broker may take.'),
  useSsl: setting(
    tls,
    undefined,
    'TLS to the broker, and with which certificates: the option ssl of broker_transport_options.',
    true,
  ),
  transportOptions: setting(record, {}, 'Options of the broker that the URL names; its page lists them.', true),
}

const result: Settings<ResultConfig> = {
  backend: setting(
    optionalUrl,
    defaultUrl,
    "Where results are kept: a URL. Nothing given: with a sqlite: or memory: broker the broker's own URL, else nowhere. 'disabled://': nowhere.",
    true,
  ),
  backendTransportOptions: setting(
    record,
    {},
    'Options of the result backend that the URL names; its page lists them.',
    true,
  ),
  expiresMs: setting(optional(limit), 24 * hour, 'How long a result is kept after it was stored; null: for ever.'),
  chordTimeoutMs: setting(
    optional(limit),
    undefined,
    'How long a chord waits for the next of its members to end before it fails; at most, and unset: seven tenths of result_expires.',
  ),
  extended: setting(
    flag,
    false,
    'Also keep the name, arguments, worker, retries and queue of each task with its result.',
  ),
  serializer: setting(serializer, 'json', 'How results are written.'),
  acceptContent: setting(
    names,
    [],
    'Content types that may be read from the result backend. Empty: those of accept_content.',
  ),
}

const task: Settings<TaskConfig> = {
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

const worker: Settings<WorkerConfig> = {
  pool: setting(
    pool,
    'async',
    "Where tasks run: 'async' in the worker's event loop, 'solo' there and one at a time, 'threads', or 'processes' (Celery's prefork).",
  ),
  concurrency: setting(
    optional(integer(1)),
    undefined,
    'How many tasks a worker runs at once; unset: 10 with the pool async, the number of CPUs with threads and processes.',
  ),
  autoscale: setting(
    optional(autoscale),
    undefined,
    "How many tasks a worker runs at once at most and at least, by how much there is to do, such as '10,2'.",
  ),
  isolatedConcurrency: setting(
    optional(integer(1)),
    undefined,
    'How many tasks with the option isolate run at once, beside those of the pool; unset: the number of CPUs.',
  ),
  maxTasksPerChild: setting(
    optional(integer(1)),
    undefined,
    'A thread or process is replaced after so many tasks; unset: never.',
  ),
  maxMemoryPerChild: setting(
    optional(memory),
    undefined,
    'A thread or process is replaced after the task at whose end it took more: its heap, or the memory of the process.',
  ),
  procAliveTimeoutMs: setting(limit, 60_000, 'How long a thread or process may take to load the app (Celery: 4).'),
  prefetchMultiplier: setting(integer(0), 4, 'Messages a worker may hold for each slot; 0: no bound.'),
  shutdownTimeoutMs: setting(
    duration,
    25_000,
    'How long a warm shutdown waits for running tasks before it turns cold and gives them back; below the 30 s after which Kubernetes kills.',
  ),
  sendTaskEvents: setting(
    flag,
    false,
    'Send events of tasks for monitors to watch. Those of the worker itself, such as heartbeats, are always sent.',
  ),
  poolRestarts: setting(
    flag,
    false,
    'Obey pool_restart of remote control: threads and processes are replaced, and load the app anew.',
  ),
  enableRemoteControl: setting(flag, true, 'Answer and obey remote control; false: nothing but revokes.'),
  disableRateLimits: setting(flag, false, 'Pay no attention to rate limits.'),
  revokeExpiresMs: setting(limit, 7 * 24 * hour, 'How long the revoke of a task is remembered.'),
  revokesMax: setting(integer(1), 50_000, 'How many revoked tasks a worker remembers.'),
  blockWarningMs: setting(optional(limit), 1000, 'Warn of a task that blocks the event loop for longer; null: never.'),
  outageToleranceMs: setting(
    duration,
    30_000,
    'A worker that could not take messages for longer reports that it is not ready.',
  ),
  logStyle: setting(
    oneOf('auto', 'pretty', 'json'),
    'auto',
    "How log lines look; 'auto': pretty in a terminal, else JSON.",
  ),
}

const outbox: Settings<OutboxConfig> = {
  table: setting(
    text,
    'celeriac_outbox',
    "The table of the user's database that calls with dispatch 'outbox' are written into.",
  ),
  pollIntervalMs: setting(limit, 1000, 'How often a relay looks into the outbox when nothing woke it.'),
}

const event: Settings<EventConfig> = {
  exchange: setting(text, 'celeryev', 'Where events are sent: on Redis part of the name of their channel.'),
}

/** The schema of the configuration: the one place that knows names, types, defaults and docs. */
export const configSchema: Settings<Omit<Config, 'broker' | 'result' | 'task' | 'worker' | 'outbox' | 'event'>> & {
  readonly broker: Settings<BrokerConfig>
  readonly result: Settings<ResultConfig>
  readonly task: Settings<TaskConfig>
  readonly worker: Settings<WorkerConfig>
  readonly outbox: Settings<OutboxConfig>
  readonly event: Settings<EventConfig>
} = {
  timezone: setting(timezone, 'UTC', 'The time zone of schedules and of times without one; messages always carry UTC.'),
  enableUtc: setting(onlyTrue, true, 'Always true; accepted because Celery has it.'),
  imports: setting(names, [], 'Modules, files or globs that a worker imports at its start.'),
  include: setting(names, [], 'More of the same, imported after imports.'),
  acceptContent: setting(names, ['json'], 'Content types that may be read from messages; others are refused unread.'),
  redisBackendUseSsl: setting(
    tls,
    undefined,
    'TLS to Redis as result backend, and with which certificates: the option ssl of result_backend_transport_options.',
    true,
  ),
  broker,
  result,
  task,
  worker,
  outbox,
  event,
}
