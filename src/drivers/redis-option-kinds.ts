import type { QueueOrder, RedisOptions } from './redis-options.ts'
import { readTls, readTlsPart } from './redis-tls-options.ts'

/** What an option may be, also as the text that a URL has, and what it means; undefined where it is none. */
interface OptionKind {
  readonly expected: string
  readonly read: (value: unknown) => Partial<RedisOptions> | undefined
}

type Field<T> = { [K in keyof RedisOptions]: T extends RedisOptions[K] ? K : never }[keyof RedisOptions]

function text(field: Field<string>): OptionKind {
  return {
    expected: 'a text that is not empty',
    read: (value) => (typeof value === 'string' && value !== '' ? { [field]: value } : undefined),
  }
}

function seconds(field: Field<number>, smallest: number): OptionKind {
  return {
    expected: `a number of seconds from ${smallest} up`,
    read: (value) => {
      const number = asNumber(value)
      return number !== undefined && number >= smallest ? { [field]: number * 1000 } : undefined
    },
  }
}

function flag(field: Field<boolean>): OptionKind {
  return {
    expected: 'true or false',
    read: (value) => {
      const isTrue = asFlag(value)
      return isTrue === undefined ? undefined : { [field]: isTrue }
    },
  }
}

function tlsPart(name: string, expected: string): OptionKind {
  return {
    expected,
    read: (value) => {
      const ssl = readTlsPart(name, value)
      return ssl && { ssl }
    },
  }
}

const queueOrders: readonly QueueOrder[] = ['round_robin', 'sorted', 'priority']
const file = 'the path of a PEM file, or its text'

/** By their names in camelCase. */
export const optionKinds: Readonly<Record<string, OptionKind>> = {
  globalKeyprefix: text('globalKeyprefix'),
  visibilityTimeout: seconds('visibilityTimeoutMs', 1),
  leaseSeconds: seconds('leaseMs', 0.5),
  socketTimeout: seconds('socketTimeoutMs', 0.05),
  socketConnectTimeout: seconds('socketConnectTimeoutMs', 0.05),
  socketKeepalive: flag('socketKeepalive'),
  healthCheckInterval: seconds('healthCheckIntervalMs', 0),
  clientName: {
    expected: 'a text without spaces',
    read: (value) => (typeof value === 'string' && /^[!-~]+$/.test(value) ? { clientName: value } : undefined),
  },
  prioritySteps: {
    expected: 'a list of different whole numbers from 0 to 9 in ascending order, the first of them 0',
    read: (value) => (isSteps(value) ? { prioritySteps: value } : undefined),
  },
  sep: text('sep'),
  queueOrderStrategy: {
    expected: "'round_robin', 'sorted' or 'priority'",
    read: (value) => {
      const order = queueOrders.find((known) => known === value)
      return order && { queueOrderStrategy: order }
    },
  },
  fanoutPrefix: {
    expected: "true, false, or a text such as '/{db}.'",
    read: (value) => {
      const isTrue = asFlag(value)
      if (isTrue !== undefined) return { fanoutPrefix: isTrue }
      return typeof value === 'string' && /^\/.*\.$/s.test(value) ? { fanoutPrefix: value } : undefined
    },
  },
  fanoutPatterns: flag('fanoutPatterns'),
  unackedKey: text('unackedKey'),
  unackedIndexKey: text('unackedIndexKey'),
  unackedMutexKey: text('unackedMutexKey'),
  unackedMutexExpire: seconds('unackedMutexExpireMs', 1),
  resultChordOrdered: flag('resultChordOrdered'),
  retryPolicy: {
    expected: 'an object with timeout, a number of seconds',
    read: (value) => {
      if (typeof value !== 'object' || value === null) return undefined
      const retryTimeout = 'timeout' in value ? asNumber(value.timeout) : undefined
      return retryTimeout === undefined ? {} : { retryTimeoutMs: retryTimeout * 1000 }
    },
  },
  masterName: text('masterName'),
  sentinelKwargs: {
    expected: 'an object of username, password and ssl of the sentinels',
    read: (value) => readSentinelLogin(value),
  },
  ssl: {
    expected:
      "an object of ca_certs, certfile, keyfile, keyfile_password, cert_reqs ('required' or 'none'), check_hostname",
    read: (value) => {
      const ssl = readTls(value)
      return ssl && { ssl }
    },
  },
  sslCaCerts: tlsPart('caCerts', file),
  sslCertfile: tlsPart('certfile', file),
  sslKeyfile: tlsPart('keyfile', file),
  sslCertReqs: tlsPart('certReqs', "'required' or 'none'"),
  sslCheckHostname: tlsPart('checkHostname', 'true or false'),
}

function asNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

function asFlag(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  if (value === 'true' || value === 'True' || value === '1') return true
  return value === 'false' || value === 'False' || value === '0' ? false : undefined
}

function isSteps(value: unknown): value is readonly number[] {
  return (
    Array.isArray(value) &&
    value[0] === 0 &&
    value.every((step, index) => Number.isInteger(step) && step <= 9 && (index === 0 || step > value[index - 1]))
  )
}

function readSentinelLogin(value: unknown): Partial<RedisOptions> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const login: { -readonly [K in keyof RedisOptions]?: RedisOptions[K] } = {}
  for (const [name, part] of Object.entries(value)) {
    if (name === 'password' && typeof part === 'string') login.sentinelPassword = part
    else if (name === 'username' && typeof part === 'string') login.sentinelUsername = part
    else if (name === 'ssl') login.sentinelSsl = readTls(part)
    else if (name === 'password' || name === 'username') return undefined
  }
  return login
}
