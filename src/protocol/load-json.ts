import { DecodeError } from '../errors.ts'
import { maxDepth } from './fold-value.ts'
import { reviveTyped } from './revive-typed.ts'

/**
 * Reads JSON with kombu's typed values and what Python writes beyond the standard: NaN, Infinity, -Infinity, and
 * integers beyond 2^53, which become bigint. Throws DecodeError for everything else that is no JSON, for unknown type
 * markers and for nesting deeper than 512.
 */
export function loadJson(text: string): unknown {
  const lenient = parse(text)
  const found = inspect(lenient, 0)
  if (found === plain) return lenient
  const value = (found & inexact) === 0 ? lenient : parse(text, exactNumber)
  return (found & marked) === 0 ? value : reviveTyped(value)
}

const plain = 0
/** Holds an object with the key `__type__`. */
const marked = 1
/** Holds a number that may have been an integer beyond 2^53, or no number at all. */
const inexact = 2

function inspect(value: unknown, depth: number): number {
  if (typeof value === 'number') {
    return value >= -Number.MAX_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? plain : inexact
  }
  if (typeof value !== 'object' || value === null) return plain
  if (depth >= maxDepth) throw new DecodeError(`The JSON text is nested more than ${maxDepth} levels deep`)
  let found = plain
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) found |= inspect(value[index], depth + 1)
    return found
  }
  const record = value as Record<string, unknown>
  for (const key in record) {
    if (key === '__type__') found |= marked
    found |= inspect(record[key], depth + 1)
  }
  return found
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown

/** TypeScript's library does not know the third argument of a reviver yet. */
const parseWith = JSON.parse as (text: string, reviver?: Reviver) => unknown

function parse(text: string, reviver?: Reviver): unknown {
  try {
    return parseWith(text, reviver)
  } catch (error) {
    if (error instanceof DecodeError) throw error
    if (!text.includes('NaN') && !text.includes('Infinity')) throw noJson(error)
  }
  try {
    return parseWith(standardTokens(text), reviver)
  } catch (error) {
    throw error instanceof DecodeError ? error : noJson(error)
  }
}

function noJson(cause: unknown): DecodeError {
  return new DecodeError(`The text is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
}

/** Overflows to Infinity, so that it is inspected again; no other writer spells a number like this. */
const nanToken = '1e4000777'

/** The text with Python's tokens as numbers of the standard. Spaces keep them from joining their neighbours. */
function standardTokens(text: string): string {
  const tokens = /["\\]|NaN|-?Infinity/g
  let standard = ''
  let from = 0
  let quoted = false
  for (let match = tokens.exec(text); match !== null; match = tokens.exec(text)) {
    if (match[0] === '"') quoted = !quoted
    else if (match[0] === '\\') tokens.lastIndex++
    else if (!quoted) {
      standard += `${text.slice(from, match.index)} ${standardNumbers[match[0]]} `
      from = tokens.lastIndex
    }
  }
  return standard + text.slice(from)
}

const standardNumbers: Readonly<Record<string, string>> = { NaN: nanToken, Infinity: '1e999', '-Infinity': '-1e999' }

function exactNumber(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || source === undefined || Number.isSafeInteger(value)) return value
  if (source === nanToken) return Number.NaN
  if (!/^-?\d+$/.test(source)) return value
  if (source.length > 4300) throw new DecodeError('The JSON text holds an integer of more than 4300 digits')
  return BigInt(source)
}
