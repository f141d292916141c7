import type { z as Zod } from 'zod'
import { ratePattern } from '../util/rate.ts'
import type { Autoscale, Route } from './config-type.ts'
import { asJson, asNumber, asText, z, type Kind } from './setting-kind.ts'
import { nonEmpty, parseSize } from './setting-kinds.ts'

/** What Celery takes as `broker_use_ssl`. */
export const tls: Kind<boolean | Readonly<Record<string, unknown>> | undefined> = {
  schema: () =>
    z().preprocess(
      (value) => value ?? undefined,
      z()
        .union([z().boolean(), z().record(z().string(), z().unknown())])
        .optional(),
    ),
  expects: "true, false, or an object such as { ssl_ca_certs: '/etc/ca.pem', ssl_cert_reqs: 'required' }",
  fromText: asJson,
}

/** KiB as in Celery, or text with a unit; becomes bytes. */
export const memory: Kind<number> = {
  schema: () =>
    z().preprocess(
      (value) => (typeof value === 'number' ? value * 1024 : parseSize(value)),
      z()
        .number()
        .int()
        .min(1024 ** 2),
    ),
  expects: "KiB, or text such as '200MB', at least 1MB",
  fromText: asNumber,
}

const poolNames = ['async', 'solo', 'threads', 'processes'] as const
/** Celery's names. */
const poolAliases: Readonly<Record<string, string>> = { prefork: 'processes', gevent: 'async', eventlet: 'async' }

export const pool: Kind<(typeof poolNames)[number]> = {
  schema: () =>
    z().preprocess((value) => (typeof value === 'string' ? (poolAliases[value] ?? value) : value), z().enum(poolNames)),
  expects: "one of 'async', 'solo', 'threads', 'processes' (or 'prefork')",
  fromText: asText,
}

function parseAutoscale(value: unknown): unknown {
  const parts = typeof value === 'string' ? value.split(',') : value
  if (!Array.isArray(parts) || parts.length !== 2) return value
  const [max, min] = parts.map((part: unknown) => (typeof part === 'string' ? asNumber(part) : part))
  return { max, min }
}

export const autoscale: Kind<Autoscale> = {
  schema: () =>
    z().preprocess(
      parseAutoscale,
      z()
        .strictObject({ max: z().number().int().min(1), min: z().number().int().min(1) })
        .refine(({ max, min }) => min <= max),
    ),
  expects: "text such as '10,2': the most and the least, whole numbers from 1",
  fromText: asText,
}

const route = (): Zod.ZodType<Route> =>
  z().preprocess(
    (value) => (typeof value === 'string' ? { queue: value } : value),
    z().strictObject({ queue: nonEmpty().optional(), priority: z().number().int().min(0).max(9).optional() }),
  )

export const routes: Kind<Readonly<Record<string, Route>>> = {
  schema: () => z().preprocess((value) => value ?? {}, z().record(z().string(), route())),
  expects:
    "an object of task names or globs to a queue, such as { 'mail.*': 'mail', 'video.cut': { queue: 'slow', priority: 2 } }",
  fromText: asJson,
}

export const rateLimit: Kind<string | number> = {
  schema: () => z().union([z().number().min(0), z().string().regex(ratePattern)]),
  expects: "tasks a second, or text such as '10/s', '100/m', '1000/h'",
  fromText: asNumber,
}

export const timezone: Kind<string> = {
  schema: () => z().string().refine(isTimezone),
  expects: "an IANA time zone such as 'UTC' or 'Europe/Berlin'",
  fromText: asText,
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
