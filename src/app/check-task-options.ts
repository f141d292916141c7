import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { parseDuration } from '../util/duration.ts'
import { rateIntervalMs } from '../util/rate.ts'
import { unknownKeys } from '../util/unknown-keys.ts'
import { isModelHandle } from './model-handle.ts'
import { policyNames, policyProblems } from './model-policy.ts'
import { wrongDurations, wrongFlags, wrongLimits } from './option-problems.ts'
import { type DispatchMode, dispatchModes, type TaskOptions } from './task-options.ts'
import { isParameter } from './task-parameters.ts'

const booleans = [
  'retryJitter',
  'acksLate',
  'ignoreResult',
  'storeErrorsEvenIfIgnored',
  'trackStarted',
  'sendEvents',
] as const
const durations = ['retryDelay', 'retryBackoffMax', 'expires', 'timeLimit', 'softTimeLimit'] as const
const others = [
  'maxRetries',
  'autoretryFor',
  'dontAutoretryFor',
  'retryBackoff',
  'priority',
  'queue',
  'rateLimit',
  'parameters',
  'secret',
  'input',
  'output',
  'throws',
  'serializer',
  'compression',
  'dispatch',
  'isolate',
  'models',
  'takes',
] as const
const known: readonly string[] = [...booleans, ...durations, ...others, ...policyNames]

/** Throws ImproperlyConfigured with every wrong option of the task, so that JavaScript users learn what the types say. */
export function checkTaskOptions(name: string, options: TaskOptions): void {
  const given = options as Readonly<Record<string, unknown>>
  const problems = [
    ...unknownKeys(given, known, 'task option'),
    ...wrongFlags(given, booleans),
    ...wrongDurations(given, durations),
  ]
  checkLists(given, problems)
  checkArguments(given, problems)
  checkTexts(given, problems)
  checkNumbers(options, problems)
  checkModels(given, problems)
  if (problems.length > 0) throw new ImproperlyConfigured(`task ${name}:\n  ${problems.join('\n  ')}`)
}

function checkLists(given: Readonly<Record<string, unknown>>, problems: string[]): void {
  for (const key of ['autoretryFor', 'dontAutoretryFor', 'throws']) {
    if (given[key] !== undefined && !isListOf('function', given[key]))
      problems.push(`${key} must be a list of error classes or functions, got ${describeValue(given[key])}`)
  }
  if (given['parameters'] !== undefined && !isListOf('string', given['parameters']))
    problems.push(`parameters must be a list of names, got ${describeValue(given['parameters'])}`)
}

function checkArguments({ input, output, secret }: Readonly<Record<string, unknown>>, problems: string[]): void {
  for (const [key, schema] of Object.entries({ input, output })) {
    if (schema !== undefined && !isSchema(schema))
      problems.push(`${key} must be a validator of Standard Schema, such as zod's, got ${describeValue(schema)}`)
  }
  const isPlace = (item: unknown): boolean => typeof item === 'string' || (Number.isInteger(item) && Number(item) >= 0)
  if (secret !== undefined && secret !== true && !(Array.isArray(secret) && secret.every(isPlace)))
    problems.push(`secret must be true, or a list of names and positions, got ${describeValue(secret)}`)
}

function isSchema(value: unknown): boolean {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && '~standard' in value
}

function isListOf(type: 'function' | 'string', value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === type)
}

function checkTexts(given: Readonly<Record<string, unknown>>, problems: string[]): void {
  const { dispatch, queue } = given
  if (dispatch !== undefined && !dispatchModes.includes(dispatch as DispatchMode))
    problems.push(`dispatch must be one of ${dispatchModes.join(', ')}; got ${describeValue(dispatch)}`)
  if (queue !== undefined && (typeof queue !== 'string' || queue === '' || queue.length > 200))
    problems.push(`queue must be a name of 1 to 200 characters, got ${describeValue(queue)}`)
  for (const key of ['serializer', 'compression']) {
    if (given[key] !== undefined && typeof given[key] !== 'string')
      problems.push(`${key} must be a text, got ${describeValue(given[key])}`)
  }
}

function checkNumbers(options: TaskOptions, problems: string[]): void {
  const { isolate, maxRetries, priority, rateLimit, retryBackoff, timeLimit, softTimeLimit } = options
  if (maxRetries !== undefined && maxRetries !== Infinity && !(Number.isInteger(maxRetries) && maxRetries >= 0))
    problems.push(`maxRetries must be a whole number or Infinity, got ${describeValue(maxRetries)}`)
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= 9))
    problems.push(`priority must be 0..9, got ${describeValue(priority)}`)
  if (retryBackoff !== undefined && typeof retryBackoff !== 'boolean' && parseDuration(retryBackoff) === undefined) {
    problems.push(`retryBackoff must be true or a duration, got ${String(retryBackoff)}`)
  }
  if (rateLimit !== undefined && rateIntervalMs(rateLimit) === null)
    problems.push(
      `rateLimit must be tasks a second or text like '10/s', '100/m', '1000/h', got ${describeValue(rateLimit)}`,
    )
  if (isolate !== undefined && !['thread', 'process'].includes(isolate))
    problems.push(`isolate must be 'thread' or 'process', got ${describeValue(isolate)}`)
  problems.push(...wrongLimits({ timeLimit, softTimeLimit }))
}

function checkModels(given: Readonly<Record<string, unknown>>, problems: string[]): void {
  problems.push(...policyProblems(given))
  const { takes, models, parameters } = given
  if (models !== undefined && !(Array.isArray(models) && models.every(isModelHandle)))
    problems.push(`models must be a list of model classes or labels, got ${describeValue(models)}`)
  if (takes === undefined) return
  if (!Array.isArray(takes) || !takes.every(isParameter)) {
    problems.push(`takes must be a list of model(), models(), lazy() and value(), got ${describeValue(takes)}`)
    return
  }
  if (models !== undefined) problems.push('models has no meaning beside takes, which declares each argument')
  if (Array.isArray(parameters) && parameters.length !== takes.length)
    problems.push(`parameters names ${parameters.length} arguments, takes declares ${takes.length}`)
}
