import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { unknownKeys } from '../util/unknown-keys.ts'

const known = ['broker', 'backend', 'logger', 'settings'] as const

/** What a program may call on what it gave. */
const methods = {
  broker: ['publish'],
  backend: ['store', 'fetch'],
  logger: ['debug', 'info', 'warn', 'error'],
} as const

/** Throws ImproperlyConfigured for options that an app does not have, or that cannot be: it would do without, on another broker. */
export function checkAppOptions(options: object): void {
  const { broker, backend, logger, settings } = options as Readonly<Record<string, unknown>>
  const problems = unknownKeys(options, known, 'option of an app', '; settings go into settings: { … }')
  const wrong = (key: string, expected: string, value: unknown): void =>
    void problems.push(`${key} must be ${expected}, got ${describeValue(value)}`)
  for (const [key, value] of Object.entries({ broker, backend })) {
    if (value === undefined || typeof value === 'string' || has(value, methods[key as 'broker'])) continue
    wrong(key, "a URL such as 'redis://localhost', or one that is open", value)
  }
  if (logger !== undefined && !has(logger, methods.logger)) wrong('logger', 'a logger such as that of pino', logger)
  if (settings !== undefined && !isSettings(settings)) wrong('settings', 'an object of settings', settings)
  if (problems.length > 0) throw new ImproperlyConfigured(`new Celeriac():\n  ${problems.join('\n  ')}`)
}

/** True for what `configFromObject` reads: an object, also the namespace of a module. */
export function isSettings(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function has(value: unknown, names: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function')
  )
}
