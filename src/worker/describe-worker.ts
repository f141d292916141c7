import os from 'node:os'
import { describeConfig, type Config } from '../app/config.ts'
import { maskSecrets, maskUrl } from '../app/mask-secrets.ts'
import type { Task } from '../app/task.ts'
import { reprValue } from '../protocol/python-repr.ts'
import type { BrokerInfo } from '../protocol/encode-stats.ts'
import { packageVersion } from '../util/own-files.ts'
import type { TaskLimits } from './task-limits.ts'

/** Settings by Celery's names, durations in seconds, secrets masked: those that differ from their defaults, or all. */
export function describeSettings(config: Config, withDefaults: boolean): Record<string, unknown> {
  const rows = describeConfig(config).filter(({ isChanged }) => withDefaults || isChanged)
  return Object.fromEntries(
    rows.map(({ name, value, unit }) => [
      name,
      unit === 'ms' && typeof value === 'number' ? value / 1000 : (value ?? null),
    ]),
  )
}

/** What a bug report needs, in the form of Celery's. */
export function describeInstallation(config: Config): string {
  const settings = Object.entries(describeSettings(config, false))
  return [
    '',
    `software -> celeriac:${packageVersion()} node:${process.versions.node}`,
    `            v8:${process.versions.v8} uv:${process.versions.uv}`,
    `platform -> system:${os.type()} arch:${os.arch()}`,
    `            kernel version:${os.release()} imp:Node`,
    `settings -> transport:${schemeOf(config.broker.url)} results:${maskUrl(config.result.backend ?? 'disabled')}`,
    '',
    ...settings.map(([name, value]) => `${name}: ${reprValue(value)}`),
    '',
  ].join('\n')
}

/** Where the broker is, without the password. */
export function describeBroker({ broker }: Config): BrokerInfo {
  const common = {
    transport: schemeOf(broker.url),
    connectTimeout: broker.connectionTimeoutMs / 1000,
    transportOptions: plainData(maskSecrets(broker.transportOptions, true)),
  }
  const match = /^[\w+]+:\/\/(?:([^/?#@]*)@)?([^/?#;@]*?)(?::(\d+))?(?:[;/?#]|$)/.exec(broker.url)
  const userid = match?.[1]?.split(':')[0] ?? ''
  const virtualHost = /^[^?#]*\/\/[^/?#]*\/?([^?#;]*)/.exec(broker.url)?.[1] ?? broker.url.replace(/^[^:]*:/, '')
  return {
    ...common,
    hostname: match?.[2] || undefined,
    userid: userid === '' ? undefined : userid,
    virtualHost: virtualHost === '' ? '/' : virtualHost,
    port: match?.[3] === undefined ? undefined : Number(match[3]),
    hasTls: /^(rediss|amqps)/i.test(broker.url),
  }
}

/** As Celery names the attributes of a task. */
const attributes: Readonly<Record<string, (task: Task, limits: TaskLimits) => unknown>> = {
  rate_limit: (task, limits) => limits.rateOf(task),
  time_limit: (task, limits) => seconds(limits.optionsOf(task).timeLimitMs),
  soft_time_limit: (task, limits) => seconds(limits.optionsOf(task).softTimeLimitMs),
  serializer: (task, limits) => limits.optionsOf(task).serializer,
  compression: (task, limits) => limits.optionsOf(task).compression,
  max_retries: (task, limits) => limits.optionsOf(task).retry.maxRetries,
  default_retry_delay: (task, limits) => seconds(limits.optionsOf(task).retry.delayMs),
  acks_late: (task, limits) => limits.optionsOf(task).acksLate,
  ignore_result: (task, limits) => limits.optionsOf(task).ignoreResult,
  track_started: (task, limits) => limits.optionsOf(task).trackStarted,
  store_errors_even_if_ignored: (task, limits) => limits.optionsOf(task).storeErrorsEvenIfIgnored,
  expires: (task, limits) => seconds(limits.optionsOf(task).expiresMs),
  priority: (task, limits) => limits.optionsOf(task).priority,
  queue: (task, limits) => limits.optionsOf(task).queue,
  isolate: (task, limits) => limits.optionsOf(task).isolate,
  name: (task) => task.name,
}

/** `shop.add [rate_limit=10/m]`: the attributes that are asked for, where they are set. */
export function describeTask(task: Task, wanted: readonly string[], limits: TaskLimits): string {
  const shown = wanted.flatMap((name) => {
    const value = Object.hasOwn(attributes, name) ? attributes[name]?.(task, limits) : undefined
    if (value === undefined) return []
    return [`${name}=${typeof value === 'string' ? value : reprValue(value)}`]
  })
  return shown.length === 0 ? task.name : `${task.name} [${shown.join(' ')}]`
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}

function schemeOf(url: string): string {
  return /^([\w+]+):/.exec(url)?.[1]?.toLowerCase() ?? 'memory'
}

/** Of what is no data, such as certificates, only that it is there. */
function plainData(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value)) as unknown
  } catch {
    return '<options>'
  }
}
