import type { z as Zod } from 'zod'
import { parseDuration } from '../util/duration.ts'
import { ratePattern } from '../util/rate.ts'
import type { Autoscale, Route } from './config-type.ts'

let zod: typeof Zod | undefined

/** Loaded when the first value is checked: it takes as long to load as all the rest, and a slot of a pool needs none. */
function z(): typeof Zod {
  return (zod ??= load())
}

function load(): typeof Zod {
  const require = process.getBuiltinModule('node:module').createRequire(import.meta.url)
  return (require('zod') as { readonly z: typeof Zod }).z
}

/** What a setting's value may be: checked by zod, read from text where it comes from the environment. */
export interface Kind<T> {
  readonly schema: () => Zod.ZodType<T>
  /** The end of the sentence `… must be`. */
  readonly expects: string
  /** The value that a text of the environment means. What it cannot read it returns as it is, for the schema to refuse. */
  readonly fromText: (text: string) => unknown
  /** Stored in milliseconds: the field's name ends in `Ms`, the setting's does not. */
  readonly isDuration?: true
}

const asText = (text: string): unknown => text

function asNumber(text: string): unknown {
  const number = Number(text)
  return text.trim() === '' || Number.isNaN(number) ? text : number
}

function asFlag(text: string): unknown {
  const word = text.trim().toLowerCase()
  if (['true', '1', 'yes', 'on'].includes(word)) return true
  if (['false', '0', 'no', 'off'].includes(word)) return false
  return text
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function asList(text: string): unknown {
  if (text.trim().startsWith('[')) return asJson(text)
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

const nonEmpty = (): Zod.ZodType<string> =>
  z()
    .string()
    .refine((text) => text.trim() !== '')

export const flag: Kind<boolean> = { schema: () => z().boolean(), expects: 'true or false', fromText: asFlag }

export const onlyTrue: Kind<true> = {
  schema: () => z().literal(true),
  expects: 'true: celeriac always writes UTC into messages; set timezone for what people read',
  fromText: asFlag,
}

export const text: Kind<string> = { schema: () => nonEmpty(), expects: 'a text that is not empty', fromText: asText }

export const url: Kind<string> = {
  schema: () =>
    z()
      .string()
      .refine((value) => /^[a-z][a-z0-9+.-]*:/i.test(value)),
  expects: "a URL such as 'sqlite:./celeriac.db', 'memory:' or 'redis://localhost:6379/0'",
  fromText: asText,
}

export const optionalUrl: Kind<string | undefined> = {
  // Celery's None and its `disabled` backend both mean: keep no results.
  schema: () =>
    z().preprocess(
      (value) => (value === null || value === 'disabled' || value === 'disabled://' ? undefined : value),
      url.schema().optional(),
    ),
  expects: `${url.expects}, or 'disabled://' to keep no results`,
  fromText: asText,
}

export function integer(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): Kind<number> {
  const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`
  return {
    schema: () => z().number().int().min(minimum).max(maximum),
    expects: `a whole number ${range}`,
    fromText: asNumber,
  }
}

function toMs(value: unknown, context: Zod.RefinementCtx): number {
  const ms = parseDuration(value)
  if (ms === undefined) context.addIssue({ code: 'custom', message: 'no duration' })
  return ms ?? 0
}

const durationFromText = (value: string): unknown => (/^\s*-?[\d.]+\s*$/.test(value) ? Number(value) : value)

/** Seconds or `'500ms'`, `'10m'`, …; becomes milliseconds. */
export const duration: Kind<number> = {
  schema: () => z().unknown().transform(toMs),
  expects: "seconds, or text such as '500ms', '30s', '10m', '2h', '1d'",
  fromText: durationFromText,
  isDuration: true,
}

/** The same, above zero: a limit of nothing would stop everything. */
export const limit: Kind<number> = {
  ...duration,
  schema: () => duration.schema().refine((ms) => ms > 0),
  expects: `${duration.expects}, more than 0`,
}

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

const sizeUnits = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const

function parseSize(value: unknown): unknown {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*([kmg]?b)$/i.exec(value.trim()) : null
  return match ? Math.round(Number(match[1]) * sizeUnits[match[2]?.toLowerCase() as keyof typeof sizeUnits]) : value
}

/** Bytes, or `'512kB'`, `'16MB'`. */
export const size: Kind<number> = {
  schema: () => z().preprocess(parseSize, z().number().int().min(1)),
  expects: "bytes, or text such as '512kB', '16MB'",
  fromText: asNumber,
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

export function oneOf<T extends string>(...names: readonly [T, ...T[]]): Kind<T> {
  return {
    schema: () => z().enum(names),
    expects: `one of ${names.map((name) => `'${name}'`).join(', ')}`,
    fromText: asText,
  }
}

/** Undefined is a value too, and so is null, which is how Python's None arrives. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return { ...kind, schema: () => z().preprocess((value) => value ?? undefined, kind.schema().optional()) }
}

export const names: Kind<readonly string[]> = {
  // A tuple of one is easily written as its only element.
  schema: () => z().preprocess((value) => (typeof value === 'string' ? [value] : value), z().array(nonEmpty())),
  expects: "a list of texts such as ['a', 'b']; in the environment a,b",
  fromText: asList,
}

export const record: Kind<Readonly<Record<string, unknown>>> = {
  schema: () => z().record(z().string(), z().unknown()),
  expects: 'an object; in the environment JSON',
  fromText: asJson,
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
