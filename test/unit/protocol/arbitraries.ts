import fc from 'fast-check'
import { ModelReference, type KeyPart } from '../../../src/protocol/model-reference.ts'
import { Decimal, PlainDate, PlainTime, Uuid } from '../../../src/protocol/typed-values.ts'

export const date: fc.Arbitrary<Date> = fc.date({
  min: new Date('0001-01-01T00:00:00.000Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
})

/** Integers that a number cannot hold; those it can come back as numbers. */
export const wideBigint: fc.Arbitrary<bigint> = fc
  .bigInt({ min: -(2n ** 200n), max: 2n ** 200n })
  .filter((value) => value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER)

export const bytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 40 }).map((value) => new Uint8Array(value))

const keyPart: fc.Arbitrary<KeyPart> = fc.oneof(fc.integer(), fc.string(), wideBigint, fc.boolean(), date, bytes)

export const modelReference: fc.Arbitrary<ModelReference> = fc
  .tuple(
    fc.stringMatching(/^[a-z]{1,9}\.[A-Z][a-z]{0,9}$/),
    fc.oneof(keyPart, fc.array(keyPart, { minLength: 1, maxLength: 3 })),
    fc.record(
      { db: fc.string(), v: fc.oneof(fc.nat(), fc.string()), c: fc.constant(1 as const) },
      { requiredKeys: [] },
    ),
  )
  .map(([label, key, extra]) => new ModelReference(label, key, { ...extra }))

const pad = (value: number, width: number): string => String(value).padStart(width, '0')

export const typedValue: fc.Arbitrary<unknown> = fc.oneof(
  date,
  bytes,
  wideBigint,
  fc.uuid().map((text) => new Uuid(text)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => new Decimal(String(value))),
  fc.tuple(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 1, max: 28 })).map(([y, d]) => {
    return new PlainDate(`${pad(y, 4)}-02-${pad(d, 2)}`)
  }),
  fc
    .tuple(fc.nat(23), fc.nat(59), fc.nat(999_999))
    .map(([h, m, f]) => new PlainTime(`${pad(h, 2)}:${pad(m, 2)}:00.${pad(f, 6)}`)),
  modelReference,
)

const key = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('__proto__', '__type__', 'constructor', 'toString'),
)

/** Plain data around `leaf`, with the names that hurt careless code. */
export function tree(leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => ({
    node: fc.oneof({ maxDepth: 4 }, leaf, tie('list'), tie('record')),
    list: fc.array(tie('node'), { maxLength: 5 }),
    record: fc.array(fc.tuple(key, tie('node')), { maxLength: 5 }).map((entries) => ownRecord(entries)),
  }))['node']
}

function ownRecord(entries: [string, unknown][]): Record<string, unknown> {
  const record = Object.fromEntries(entries)
  const isMarker = Object.keys(record).length === 2 && '__type__' in record && '__value__' in record
  return isMarker ? {} : record
}

export const scalar: fc.Arbitrary<unknown> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
)
