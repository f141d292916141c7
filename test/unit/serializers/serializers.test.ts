import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DecodeError, EncodeError } from '../../../src/errors.ts'
import { jsonSerializer, openSerializer, serializerNames } from '../../../src/serializers/open-serializer.ts'
import type { Serializer } from '../../../src/serializers/serializer.ts'
import { bytes, date, scalar, tree, typedValue, wideBigint } from '../protocol/arbitraries.ts'

const msgpack = await openSerializer('msgpack')
const yaml = await openSerializer('yaml')

/** Integers of more than 64 bits, and -0, are beyond msgpack. */
const int64 = wideBigint
  .map((value) => BigInt.asIntN(64, value))
  .filter((value) => !Number.isSafeInteger(Number(value)))
const positiveZero = scalar.map((value) => (Object.is(value, -0) ? 0 : value))

/** Whether `__proto__` is a key anywhere: msgpack refuses it. */
function hasProto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasProto)
}

const values: Record<string, fc.Arbitrary<unknown>> = {
  json: tree(fc.oneof(scalar, typedValue)),
  msgpack: tree(fc.oneof(positiveZero, bytes, int64)).filter((value) => !hasProto(value)),
  yaml: tree(fc.oneof(scalar, bytes, wideBigint, date)),
}

for (const serializer of [jsonSerializer, msgpack, yaml]) {
  describe(`the serializer ${serializer.name}`, () => {
    const value = values[serializer.name] ?? assert.fail()

    it('reads back what it wrote', () => {
      fc.assert(
        fc.property(value, (written) => {
          assert.deepEqual(serializer.load(serializer.dump(written)), written)
        }),
        { numRuns: 500 },
      )
    })

    it('reads text from bytes', () => {
      const dumped = serializer.dump(['é', { a: 1 }])
      assert.equal(typeof dumped === 'string', serializer.contentEncoding === 'utf-8')
      assert.deepEqual(serializer.load(Buffer.from(dumped as string)), ['é', { a: 1 }])
    })

    it('gives a value or a DecodeError for any bytes, and changes no prototype', () => {
      const any = fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.string().map((text) => Buffer.from(text)),
        mutated(serializer, value),
      )
      fc.assert(
        fc.property(any, (body) => {
          load(serializer, body)
        }),
        { numRuns: 1000 },
      )
      assert.deepEqual(Object.keys(Object.prototype), [])
    })

    it('refuses what is no data, with its path', () => {
      for (const wrong of [() => 1, new Map(), new Set(), new (class Order {})(), Symbol('s'), new Date(NaN)]) {
        assert.throws(
          () => serializer.dump([{ user: wrong }]),
          (error: Error) => {
            return error instanceof EncodeError && error.message.startsWith('$[0].user ')
          },
        )
      }
      const cycle: unknown[] = []
      cycle.push({ cycle })
      assert.throws(() => serializer.dump(cycle), { name: 'EncodeError', message: /^\$\[0\]\.cycle contains itself/ })
    })

    it('takes 500 levels and refuses 100,000, both ways', () => {
      let deep: unknown = 1
      for (let level = 0; level < 500; level++) deep = [deep]
      assert.deepEqual(serializer.load(serializer.dump(deep)), deep)
      for (let level = 0; level < 100_000; level++) deep = [deep]
      assert.throws(() => serializer.dump(deep), EncodeError)
      const bomb = serializer.name === 'msgpack' ? new Uint8Array(100_000).fill(0x91) : '['.repeat(100_000)
      assert.throws(() => serializer.load(bomb), DecodeError)
      const whole =
        serializer.name === 'msgpack'
          ? Buffer.concat([bomb as Uint8Array, Buffer.from([1])])
          : `${bomb.toString()}${']'.repeat(100_000)}`
      assert.throws(() => serializer.load(whole), DecodeError)
    })

    it('writes undefined as null, except as a member, which it drops', () => {
      assert.deepEqual(serializer.load(serializer.dump([undefined, { a: undefined, b: 1 }])), [null, { b: 1 }])
      assert.equal(serializer.load(serializer.dump(undefined)), null)
    })
  })
}

function mutated(serializer: Serializer, value: fc.Arbitrary<unknown>): fc.Arbitrary<Uint8Array> {
  return fc.tuple(value, fc.nat(), fc.uint8Array({ maxLength: 5 }), fc.nat(5)).map(([written, at, insert, length]) => {
    const body = Buffer.from(serializer.dump(written) as string)
    const start = at % (body.length + 1)
    return Buffer.concat([body.subarray(0, start), insert, body.subarray(start + length)])
  })
}

function load(serializer: Serializer, body: Uint8Array): void {
  try {
    serializer.load(body)
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error))
  }
}

describe('the serializer json', () => {
  it('refuses bytes that are no UTF-8', () => {
    assert.throws(() => jsonSerializer.load(new Uint8Array([0x22, 0xff, 0x22])), {
      name: 'DecodeError',
      message: /no UTF-8/,
    })
  })
})

describe('the serializer msgpack', () => {
  it('writes the bytes that Celery writes', () => {
    const body = [[1, 1], {}, { callbacks: null, errbacks: null, chain: null, chord: null }]
    const captured = 'k5IBAYCEqWNhbGxiYWNrc8CoZXJyYmFja3PApWNoYWluwKVjaG9yZMA='
    assert.equal(Buffer.from(msgpack.dump(body) as Uint8Array).toString('base64'), captured)
  })

  it('keeps integers of more than 32 bits integers', () => {
    assert.equal(Buffer.from(msgpack.dump(2 ** 40) as Uint8Array).toString('hex'), 'cf0000010000000000')
    assert.equal(Buffer.from(msgpack.dump(-(2 ** 40)) as Uint8Array).toString('hex'), 'd3ffffff0000000000')
    assert.equal(msgpack.load(Buffer.from('cf0000010000000000', 'hex')), 2 ** 40)
    assert.equal(msgpack.load(Buffer.from('cfffffffffffffffff', 'hex')), 2n ** 64n - 1n)
  })

  it('refuses what kombu has not in it', () => {
    assert.throws(() => msgpack.dump([new Date()]), {
      name: 'EncodeError',
      message: /^\$\[0\] is a Date.*json serializer/,
    })
    assert.throws(() => msgpack.dump([2n ** 65n]), { name: 'EncodeError', message: /more than 64 bits/ })
    assert.throws(() => msgpack.dump(JSON.parse('{"__proto__":1}')), { name: 'EncodeError', message: /__proto__/ })
  })

  for (const [what, hex] of [
    ['a timestamp', 'd6ff00000000'],
    ['an extension', 'd40100'],
    ['an extension of 3 bytes', 'c70305010203'],
    ['a list that claims 4 billion elements', 'ddffffffff01'],
    ['lists in lists that claim a million elements', 'dd000f4240'.repeat(300)],
    ['a text longer than the body', 'dbffffffff41'],
    ['half a header', 'dc00'],
    ['two values', '0101'],
    ['nothing', ''],
    ['a byte without meaning', 'c1'],
    ['a map with the key __proto__', '81a95f5f70726f746f5f5f01'],
    ['a map with a list as key', '819001'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => msgpack.load(Buffer.from(hex, 'hex')), { name: 'DecodeError' })
    })
  }

  it('refuses text', () => {
    assert.throws(() => msgpack.load('text'), { name: 'DecodeError', message: /must be bytes/ })
  })
})

describe('the serializer yaml', () => {
  it('reads what PyYAML writes', () => {
    const text =
      '- - 1\n  - 2026-01-02 03:04:05.678000+00:00\n  - !!binary |\n    //4=\n  - 123456789012345678901234567890\n- {}\n- callbacks: null\n'
    assert.deepEqual(yaml.load(text), [
      [1, new Date('2026-01-02T03:04:05.678Z'), new Uint8Array([255, 254]), 123456789012345678901234567890n],
      {},
      { callbacks: null },
    ])
  })

  it('writes floats with the point that PyYAML wants', () => {
    const numbers = [1e21, -2e-7, 2 ** 60, -0, NaN, -Infinity]
    assert.equal(yaml.dump(numbers), '- 1.0e+21\n- -2.0e-7\n- 1152921504606847000.0\n- -0.0\n- .nan\n- -.inf\n')
    assert.deepEqual(yaml.load(yaml.dump(numbers)), numbers)
  })

  it('quotes what YAML 1.1 would read as something else', () => {
    for (const text of [
      'yes',
      'no',
      'on',
      'null',
      '~',
      '1:30',
      '0o7',
      '1_000',
      '2026-01-02',
      '<<',
      '=',
      '- a',
      '!!x',
      '&a',
      '*a',
    ]) {
      assert.equal(yaml.load(yaml.dump(text)), text)
      assert.deepEqual(yaml.load(yaml.dump({ [text]: text })), { [text]: text })
    }
  })

  for (const [what, text] of [
    ['a Python object', '!!python/object/apply:os.system ["true"]'],
    ['a tag of its own', '!mine 1'],
    ['a set', '!!set {a, b}'],
    ['an ordered map', '!!omap [a: 1]'],
    [
      'a bomb of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'.replaceAll(
        /./g,
        (c) =>
          `${c}: &${c} [${Array(9)
            .fill(`*${String.fromCharCode(c.charCodeAt(0) - 1)}`)
            .join()}]\n`,
      )}`,
    ],
    ['an alias of nothing', '*nothing'],
    ['two documents', 'a\n---\nb'],
    ['an alias of itself', '&a [*a]'],
    ['no YAML', '[1, {'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => yaml.load(text), { name: 'DecodeError' })
    })
  }

  it('keeps __proto__ a key', () => {
    const value = yaml.load('__proto__: {polluted: 1}\n') as object
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    assert.deepEqual(Object.keys(value), ['__proto__'])
  })
})

describe('openSerializer', () => {
  it('opens by name and by content type', async () => {
    for (const name of serializerNames) {
      const serializer = await openSerializer(name)
      assert.equal(serializer.name, name)
      assert.equal((await openSerializer(serializer.contentType)).name, name)
    }
  })

  it('lists the known names for an unknown one', async () => {
    await assert.rejects(openSerializer('pickle'), {
      name: 'ImproperlyConfigured',
      message: 'Unknown serializer "pickle"; choose one of json, msgpack, yaml',
    })
  })
})
