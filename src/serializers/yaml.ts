import type { CollectionTag, ScalarTag, Tags } from 'yaml'
import { DecodeError } from '../errors.ts'
import { type Fold, foldValue } from '../protocol/fold-value.ts'
import { exactIntegers } from './exact-integers.ts'
import { parseIsoDate } from '../protocol/iso-date.ts'
import type { Serializer } from './serializer.ts'
import { decodeUtf8 } from './utf8.ts'

/** As PyYAML's safe_dump and safe_load: YAML 1.1, no tags that make objects. `<<` is a key like any other. */
const options = { version: '1.1', logLevel: 'error', customTags: ourTags, compat: 'yaml-1.1' } as const

function ourTags(tags: Tags): Tags {
  const ours = tags
    .filter((tag) => typeof tag === 'string' || tag.tag !== 'tag:yaml.org,2002:merge')
    .map((tag) => (typeof tag !== 'string' && tag.tag === 'tag:yaml.org,2002:timestamp' ? withIsoDates(tag) : tag))
  return [pointedFloat, ...ours]
}

/** Floats that would be read as an integer, or by PyYAML as a text, for want of a point: 1e21, 2**60, -0. */
const pointedFloat: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: (value) => typeof value === 'number' && !isPlainNumber(value),
  test: /^[-+]?\d+\.0e[-+]\d+$/,
  resolve: Number,
  stringify: ({ value }) => (Object.is(value, -0) ? '-0.0' : String(value).replace(/^(-?\d+)(e|$)/, '$1.0$2')),
}

function isPlainNumber(value: number): boolean {
  if (Number.isInteger(value)) return Number.isSafeInteger(value) && !Object.is(value, -0)
  return !/^-?\d+e/.test(String(value))
}

/** The library's own reads the years 1 to 99 as those of the last century; it stays for YAML's looser spellings. */
function withIsoDates(tag: ScalarTag | CollectionTag): ScalarTag {
  const loose = tag as ScalarTag
  return { ...loose, resolve: (text, ...rest) => parseIsoDate(text) ?? loose.resolve(text, ...rest) }
}

/** Rejects with ERR_MODULE_NOT_FOUND where yaml is not installed. */
export async function openYaml(): Promise<Serializer> {
  const { parseDocument, stringify } = await import('yaml')
  const parse = (text: string): unknown => {
    const document = parseDocument(text, { ...options, intAsBigInt: true, uniqueKeys: false })
    const problem = document.errors[0] ?? document.warnings[0]
    if (problem !== undefined) throw problem
    return document.toJS({ maxAliasCount: 100 })
  }
  return {
    name: 'yaml',
    contentType: 'application/x-yaml',
    contentEncoding: 'utf-8',
    dump: (value) => stringify(foldValue(value, yamlFold), { ...options, aliasDuplicateObjects: false, lineWidth: 0 }),
    load(data) {
      const text = typeof data === 'string' ? data : decodeUtf8(data)
      try {
        return exactIntegers(parse(text))
      } catch (error) {
        if (error instanceof DecodeError) throw error
        throw new DecodeError(`The body is no YAML of plain data: ${(error as Error).message}`, { cause: error })
      }
    },
  }
}

const yamlFold: Fold<unknown> = {
  scalar: (value) => value,
  special(value, place) {
    if (value instanceof Date && Number.isNaN(value.getTime())) throw place.refuse('is an invalid Date')
    return value instanceof Date || value instanceof Uint8Array ? value : undefined
  },
  list: (items) => items,
  record: (entries) => Object.fromEntries(entries),
}
