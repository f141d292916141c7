import type { z as Zod } from 'zod'
import { requireOwn } from '../util/own-files.ts'

let zod: typeof Zod | undefined

/** Loaded when the first value is checked: it takes as long to load as all the rest, and a slot of a pool needs none. */
export function z(): typeof Zod {
  return (zod ??= (requireOwn('zod') as { readonly z: typeof Zod }).z)
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

export const asText = (text: string): unknown => text

export function asNumber(text: string): unknown {
  const number = Number(text)
  return text.trim() === '' || Number.isNaN(number) ? text : number
}

export function asFlag(text: string): unknown {
  const word = text.trim().toLowerCase()
  if (['true', '1', 'yes', 'on'].includes(word)) return true
  if (['false', '0', 'no', 'off'].includes(word)) return false
  return text
}

export function asJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export function asList(text: string): unknown {
  if (text.trim().startsWith('[')) return asJson(text)
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
