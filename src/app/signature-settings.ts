import { InvalidArguments } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { SignatureOptions } from '../protocol/signature-options.ts'
import { encodeSignature, type SignatureData } from '../protocol/signature-json.ts'
import { dumpJson } from '../protocol/typed-json.ts'
import { parseDuration } from '../util/duration.ts'
import { checkCallOptions, type CallOptions } from './call-options.ts'
import { parseTime } from './zoned-time.ts'

const durations = ['countdown', 'expires', 'timeLimit', 'softTimeLimit'] as const
/** What only the process that calls can do. */
const local: readonly string[] = ['kwargs', 'link', 'linkError', 'stamps', 'retry', 'retryPolicy', 'dispatch']

/** Options of a call as a signature keeps them: times in seconds. Throws InvalidArguments for wrong ones. */
export function signatureOptions(taskName: string, options: CallOptions): SignatureOptions {
  checkCallOptions(taskName, options)
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options))
    if (!local.includes(name) && value !== undefined) kept[name] = value
  for (const name of durations) {
    const ms = kept[name] instanceof Date ? undefined : parseDuration(kept[name])
    if (ms !== undefined) kept[name] = ms / 1000
  }
  return { ...kept, ...linkOptions(options), ...stampOptions(options.stamps) }
}

function linkOptions({ link, linkError }: CallOptions): SignatureOptions {
  return {
    ...(link === undefined ? undefined : { link: dataOf('link', link) }),
    ...(linkError === undefined ? undefined : { linkError: dataOf('linkError', linkError) }),
  }
}

interface HasData {
  readonly data: SignatureData
}

function dataOf(option: string, given: HasData | readonly HasData[]): SignatureData[] {
  return (Array.isArray(given) ? (given as readonly HasData[]) : [given as HasData]).map((one: unknown) => {
    if (hasData(one)) return one.data
    throw new InvalidArguments(`${option} takes signatures, such as add.s(1, 2); got ${describeValue(one)}`)
  })
}

function hasData(given: unknown): given is HasData {
  return typeof given === 'object' && given !== null && 'data' in given
}

/** Each stamp is an option of its own, as in Celery. */
export function stampOptions(stamps: Readonly<Record<string, unknown>> = {}): SignatureOptions {
  const names = Object.keys(stamps)
  return names.length === 0 ? {} : { stampedHeaders: names, ...stamps }
}

/** Later options win; callbacks and stamps are added to those that are there. */
export function mergeOptions(first: SignatureOptions, second: SignatureOptions): SignatureOptions {
  const merged: Record<string, unknown> = { ...first, ...second }
  for (const name of ['link', 'linkError', 'stampedHeaders'] as const) {
    const lists: (readonly unknown[])[] = [first[name] ?? [], second[name] ?? []]
    const both = new Map(lists.flat().map((one) => [keyOf(one), one]))
    if (both.size > 0) merged[name] = [...both.values()]
  }
  return merged
}

/** Celery adds a callback once, also if it comes twice. */
function keyOf(item: unknown): unknown {
  if (typeof item !== 'object' || item === null) return item
  try {
    return dumpJson(encodeSignature(item as SignatureData))
  } catch {
    // It holds rows, which have no text yet.
    return item
  }
}

const callNames = [
  ...([
    'countdown',
    'priority',
    'taskId',
    'headers',
    'timeLimit',
    'softTimeLimit',
    'ignoreResult',
    'serializer',
  ] as const),
  ...(['compression', 'shadow', 'argsRepr', 'kwargsRepr'] as const),
]

/** The options of the call that a signature stands for; null is unset. Text without an offset is in `timezone`. */
export function callOptionsOf(options: SignatureOptions, timezone: string): CallOptions {
  const call: Record<string, unknown> = {}
  for (const name of callNames) if (options[name] !== undefined && options[name] !== null) call[name] = options[name]
  const queue = options['queue'] ?? (options['exchange'] ? undefined : options['routingKey'])
  if (typeof queue === 'string') call['queue'] = queue
  for (const name of ['eta', 'expires']) {
    const given = options[name]
    if (given !== undefined && given !== null)
      call[name] = typeof given === 'string' ? (parseTime(given, timezone) ?? given) : given
  }
  // A signature that was made with an eta and is called with a countdown means the countdown.
  if (call['countdown'] !== undefined && call['eta'] !== undefined) delete call['eta']
  return call
}

export function stampsOf(options: SignatureOptions): Readonly<Record<string, unknown>> {
  const names = options.stampedHeaders ?? []
  return Object.fromEntries(names.filter((name) => Object.hasOwn(options, name)).map((name) => [name, options[name]]))
}
