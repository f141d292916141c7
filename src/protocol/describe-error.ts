import { CeleriacError } from '../errors.ts'
import { className } from './describe-value.ts'
import { reprValue } from './python-repr.ts'
import type { RemoteError } from './remote-error.ts'

const maxTextLength = 64 * 1024
const maxCauses = 10

/**
 * Describes whatever a task threw, so that it can be stored and shown: also undefined, frozen objects, proxies and errors
 * whose getters throw. Texts are cut at 64 kB. Never throws.
 */
export function describeError(thrown: unknown): RemoteError {
  if (!isErrorLike(thrown))
    return { type: 'Error', details: [thrownMessage(thrown)], module: javascript, traceback: undefined }
  const ownName = readText(thrown, 'name')
  // A subclass that does not set its name has inherited 'Error': the class says more.
  const name = ownName === undefined || ownName === 'Error' ? safeClassName(thrown) : ownName
  const message = readText(thrown, 'message') ?? ''
  const type = Object.hasOwn(celeryNames, name) ? (celeryNames[name] ?? name) : name
  return {
    type: cut(type, 1000),
    details: message === '' ? [] : [cut(message, maxTextLength)],
    module: modules.get(type) ?? (isOurs(thrown) ? 'celeriac' : javascript),
    traceback: cut(traceback(thrown), maxTextLength),
  }
}

const javascript = 'javascript'

/** Where Celery's people find the class of that name. */
const pythonModules = {
  builtins:
    'TypeError RuntimeError ValueError KeyError IndexError AttributeError NotImplementedError AssertionError ' +
    'ArithmeticError ZeroDivisionError ConnectionError PermissionError MemoryError',
  'celery.exceptions':
    'ImproperlyConfigured NotRegistered AlreadyRegistered TimeoutError Retry Ignore Reject TaskRevokedError ' +
    'MaxRetriesExceededError',
  'kombu.exceptions': 'EncodeError DecodeError ContentDisallowed OperationalError',
  'billiard.exceptions': 'TimeLimitExceeded SoftTimeLimitExceeded WorkerLostError',
}

const modules: ReadonlyMap<string, string> = new Map(
  Object.entries(pythonModules).flatMap(([module, names]) => names.split(' ').map((name) => [name, module] as const)),
)

/** Our errors that Celery calls otherwise. */
const celeryNames: Readonly<Record<string, string>> = {
  TaskRevoked: 'TaskRevokedError',
  MaxRetriesExceeded: 'MaxRetriesExceededError',
  WorkerLost: 'WorkerLostError',
}

function isOurs(error: object): boolean {
  try {
    return error instanceof CeleriacError
  } catch {
    return false
  }
}

/** An Error of any realm, or something that has a stack like one. */
function isErrorLike(thrown: unknown): thrown is object {
  if (typeof thrown !== 'object' || thrown === null) return false
  try {
    return thrown instanceof Error || typeof readText(thrown, 'stack') === 'string'
  } catch {
    return false
  }
}

function thrownMessage(thrown: unknown): string {
  if (typeof thrown === 'string') return cut(thrown, maxTextLength)
  return `${thrown === undefined ? 'undefined' : thrown === null ? 'null' : reprValue(thrown)} was thrown, which is no Error`
}

function safeClassName(value: object): string {
  try {
    return className(value)
  } catch {
    return 'Error'
  }
}

/** A property that is a text and not empty; one that cannot be read counts as missing. */
function readText(value: object, key: string): string | undefined {
  const text = readProperty(value, key)
  return typeof text === 'string' && text !== '' ? text : undefined
}

function readProperty(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

/** The stack, then those of the causes and of the errors of an AggregateError. */
function traceback(error: object): string {
  const seen = new Set<unknown>()
  const parts: string[] = []
  const visit = (current: unknown, heading: string): void => {
    if (seen.has(current) || seen.size >= maxCauses) return
    seen.add(current)
    parts.push(heading + cut(stackOf(current), maxTextLength))
    if (typeof current !== 'object' || current === null) return
    const cause = readProperty(current, 'cause')
    if (cause !== undefined) visit(cause, 'Caused by: ')
    for (const inner of innerErrors(current)) visit(inner, 'With: ')
  }
  visit(error, '')
  return parts.join('\n')
}

function innerErrors(error: object): readonly unknown[] {
  const errors = readProperty(error, 'errors')
  try {
    return Array.isArray(errors) ? errors.slice(0, maxCauses) : []
  } catch {
    return []
  }
}

function stackOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return reprValue(error)
  const message = readText(error, 'message')
  const name = readText(error, 'name') ?? safeClassName(error)
  return readText(error, 'stack') ?? (message === undefined ? name : `${name}: ${message}`)
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}... (cut, ${text.length} characters)`
}
