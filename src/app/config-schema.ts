import { taskSettings } from './config-schema-task.ts'
import { workerSettings } from './config-schema-worker.ts'
import type {
  BrokerConfig,
  Config,
  EventConfig,
  OutboxConfig,
  ResultConfig,
  TaskConfig,
  WorkerConfig,
} from './config-type.ts'
import { setting, type Settings } from './setting.ts'
import {
  flag,
  integer,
  limit,
  names,
  onlyTrue,
  optional,
  optionalUrl,
  record,
  serializer,
  text,
  url,
} from './setting-kinds.ts'
import { timezone, tls } from './special-kinds.ts'

const defaultUrl = 'sqlite:./celeriac.db'

const day = 24 * 3_600_000

const broker: Settings<BrokerConfig> = {
  url: setting(
    url,
    defaultUrl,
    'Where messages wait: a URL. Nothing given: a SQLite file in the working directory.',
    true,
  ),
  connectionTimeoutMs: setting(limit, 4000, 'How long one attempt to connect to the broker may take.'),
  connectionRetryOnStartup: setting(
    flag,
    true,
    'Whether a worker waits for a broker and a result backend that cannot be reached when it starts. false: it ends.',
  ),
  connectionMaxRetries: setting(
    optional(integer(0)),
    undefined,
    'How often it tries again then before it ends; null: for ever. Celery: 100. Once started it always tries for ever.',
  ),
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
  expiresMs: setting(optional(limit), day, 'How long a result is kept after it was stored; null: for ever.'),
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
  serializer: setting(
    serializer,
    'json',
    'How results are written and read on Redis, by Python too. No effect on memory: and sqlite:, which keep JSON.',
  ),
  acceptContent: setting(
    names,
    [],
    'What may be read from the result backend: result_serializer must be among them. Empty: accept_content.',
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

/** The schema of the configuration: with its groups, the one place that knows names, types, defaults and docs. */
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
  deadLetterExpiresMs: setting(
    optional(limit),
    30 * day,
    'How long workers keep the dead letters of their queues after they died; null: for ever.',
  ),
  broker,
  result,
  task: taskSettings,
  worker: workerSettings,
  outbox,
  event,
}
