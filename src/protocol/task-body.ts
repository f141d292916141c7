import { DecodeError } from '../errors.ts'
import { describeValue, isRecord } from './describe-value.ts'

/** The three elements of a protocol 2 body: `[args, kwargs, embed]`. */
export interface TaskBody {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly embed: Embed
}

/** Signatures as they are on the wire; `canvas/` reads them. */
export interface Embed {
  readonly callbacks: readonly unknown[] | null
  readonly errbacks: readonly unknown[] | null
  /** What is left of a chain, in reverse order: the last element runs next. */
  readonly chain: readonly unknown[] | null
  readonly chord: unknown
}

export const emptyEmbed: Embed = { callbacks: null, errbacks: null, chain: null, chord: null }

/** The list that a serializer writes. */
export function encodeTaskBody(body: TaskBody): [readonly unknown[], Readonly<Record<string, unknown>>, Embed] {
  return [body.args, body.kwargs, body.embed]
}

/** Throws DecodeError unless `value` is `[args, kwargs, embed]`; an embed of null or without keys is empty. */
export function decodeTaskBody(value: unknown): TaskBody {
  if (!Array.isArray(value) || value.length !== 3) {
    throw new DecodeError(`The body of a task must be a list [args, kwargs, embed], got ${describeValue(value)}`)
  }
  const [args, kwargs, embed] = value as [unknown, unknown, unknown]
  return { args: readArgs(args), kwargs: readKwargs(kwargs), embed: readEmbed(embed) }
}

/** A body under headers of protocol 2: the list, or the fields of protocol 1, as Celery 3 and 4 sent both side by side. */
export function decodeHybridBody(value: unknown): TaskBody {
  return isRecord(value) && 'args' in value ? decodeTaskBodyV1(value) : decodeTaskBody(value)
}

/** The arguments of a protocol 1 body, where an object holds them beside the fields of the headers. */
export function decodeTaskBodyV1(body: Readonly<Record<string, unknown>>): TaskBody {
  const { args, kwargs, callbacks, errbacks, chord } = body
  return {
    args: readArgs(args),
    kwargs: readKwargs(kwargs ?? {}),
    embed: readEmbed({ callbacks, errbacks, chord }),
  }
}

function readArgs(args: unknown): readonly unknown[] {
  if (!Array.isArray(args)) throw malformed('args', 'a list', args)
  return args
}

function readKwargs(kwargs: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(kwargs)) throw malformed('kwargs', 'an object', kwargs)
  return kwargs
}

function readEmbed(embed: unknown): Embed {
  if (embed === null || embed === undefined) return emptyEmbed
  if (!isRecord(embed)) throw malformed('embed', 'an object or null', embed)
  const chord = embed['chord'] ?? null
  if (chord !== null && !isRecord(chord)) throw malformed('embed.chord', 'a signature or null', chord)
  return {
    callbacks: readSignatures('callbacks', embed['callbacks']),
    errbacks: readSignatures('errbacks', embed['errbacks']),
    chain: readSignatures('chain', embed['chain']),
    chord,
  }
}

function readSignatures(name: string, value: unknown): readonly unknown[] | null {
  if (value === null || value === undefined) return null
  if (!Array.isArray(value)) throw malformed(`embed.${name}`, 'a list of signatures or null', value)
  return value
}

function malformed(name: string, expected: string, got: unknown): DecodeError {
  return new DecodeError(`The body of a task must have ${expected} as ${name}, got ${describeValue(got)}`)
}
