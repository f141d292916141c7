import type { z as Zod } from 'zod'
import { parseDuration } from '../util/duration.ts'
import { asFlag, asJson, asList, asNumber, asText, z, type Kind } from './setting-kind.ts'

export const nonEmpty = (): Zod.ZodType<string> =>
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

const sizeUnits = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const

/** Text with a unit becomes bytes; all else stays. */
export function parseSize(value: unknown): unknown {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*([kmg]?b)$/i.exec(value.trim()) : null
  return match ? Math.round(Number(match[1]) * sizeUnits[match[2]?.toLowerCase() as keyof typeof sizeUnits]) : value
}

/** Bytes, or `'512kB'`, `'16MB'`. */
export const size: Kind<number> = {
  schema: () => z().preprocess(parseSize, z().number().int().min(1)),
  expects: "bytes, or text such as '512kB', '16MB'",
  fromText: asNumber,
}

export function oneOf<T extends string>(...names: readonly [T, ...T[]]): Kind<T> {
  return {
    schema: () => z().enum(names),
    expects: `one of ${names.map((name) => `'${name}'`).join(', ')}`,
    fromText: asText,
  }
}

/** How values travel. */
export const serializer: Kind<'json' | 'msgpack' | 'yaml'> = oneOf('json', 'msgpack', 'yaml')

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
