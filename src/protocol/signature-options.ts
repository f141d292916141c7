import { DecodeError } from '../errors.ts'
import { describeValue, isRecord } from './describe-value.ts'
import type { SignatureData } from './signature-json.ts'

/**
 * Options of a signature, in the order in which they travel. Times are seconds, dates or ISO 8601 text; null counts as
 * unset. What is not listed here is kept as it is: stamps are options of their own names.
 */
export interface SignatureOptions {
  readonly taskId?: string | null
  readonly replyTo?: string | null
  readonly rootId?: string | null
  readonly parentId?: string | null
  readonly groupId?: string | null
  readonly groupIndex?: number | null
  readonly link?: readonly SignatureData[] | null
  readonly linkError?: readonly SignatureData[] | null
  readonly chord?: SignatureData | null
  readonly stampedHeaders?: readonly string[] | null
  readonly replacedTaskNesting?: number | null
  readonly [name: string]: unknown
}

const names: Readonly<Record<string, string>> = {
  task_id: 'taskId',
  reply_to: 'replyTo',
  root_id: 'rootId',
  parent_id: 'parentId',
  group_id: 'groupId',
  group_index: 'groupIndex',
  link_error: 'linkError',
  routing_key: 'routingKey',
  time_limit: 'timeLimit',
  soft_time_limit: 'softTimeLimit',
  ignore_result: 'ignoreResult',
  argsrepr: 'argsRepr',
  kwargsrepr: 'kwargsRepr',
  stamped_headers: 'stampedHeaders',
  replaced_task_nesting: 'replacedTaskNesting',
}
const wireNames: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(names).map(([wire, name]) => [name, wire]),
)

export function encodeOptions(
  options: SignatureOptions,
  encode: (one: SignatureData) => unknown,
): Record<string, unknown> {
  const entries = Object.entries(options).map(([name, value]): [string, unknown] => {
    if (name === 'link' || name === 'linkError')
      return [nameOnWire(name), (value as SignatureData[] | null)?.map(encode) ?? null]
    if (name === 'chord') return [name, value === null ? null : encode(value as SignatureData)]
    return [nameOnWire(name), value]
  })
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

/** Throws DecodeError for options that would make a broken message. */
export function decodeOptions(value: unknown, task: string, decode: (one: unknown) => SignatureData): SignatureOptions {
  if (!isRecord(value)) throw malformed(task, 'options', 'an object', value)
  const entries = Object.entries(value).map(([wire, given]): [string, unknown] => {
    const name = Object.hasOwn(names, wire) ? (names[wire] as string) : wire
    return [name, decodeOption(name, given, task, decode)]
  })
  return Object.fromEntries(entries)
}

const texts: readonly string[] = ['taskId', 'replyTo', 'rootId', 'parentId', 'groupId', 'queue', 'routingKey', 'shadow']

function decodeOption(name: string, given: unknown, task: string, decode: (one: unknown) => SignatureData): unknown {
  if (given === null) return null
  if (name === 'link' || name === 'linkError') {
    // One signature may stand alone.
    return (Array.isArray(given) ? given : [given]).map(decode)
  }
  if (name === 'chord') return decode(given)
  if (texts.includes(name) && typeof given !== 'string') throw malformed(task, name, 'a text', given)
  if (name === 'groupIndex' && !Number.isInteger(given)) throw malformed(task, name, 'a whole number', given)
  if (name === 'stampedHeaders' && !(Array.isArray(given) && given.every((one) => typeof one === 'string')))
    throw malformed(task, name, 'a list of names', given)
  return given
}

function nameOnWire(name: string): string {
  return Object.hasOwn(wireNames, name) ? (wireNames[name] as string) : name
}

function malformed(task: string, name: string, expected: string, got: unknown): DecodeError {
  return new DecodeError(`The signature of ${task} must have ${expected} as ${name}, got ${describeValue(got)}`)
}
