import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import vm from 'node:vm'
import fc from 'fast-check'
import { DecodeError, EncodeError } from '../../../src/errors.ts'
import { ModelReference } from '../../../src/protocol/model-reference.ts'
import { dumpJson, loadJson } from '../../../src/protocol/typed-json.ts'
import { Decimal, PlainDate, PlainTime, Uuid } from '../../../src/protocol/typed-values.ts'
import { scalar, tree, typedValue } from './arbitraries.ts'

function refusal(value: unknown): string {
  try {
    return `written: ${dumpJson(value)}`
  } catch (error) {
    assert.ok(error instanceof EncodeError, String(error))
    return error.message
  }
}

describe('dumpJson', () => {
  it('writes plain data as JSON.stringify does', () => {
    for (const value of [[[1, 7, 'é'], {}, { chord: null }], 'text', 0, 1.5, true, null, 1e21, [], {}, '\ud800']) {
      assert.equal(dumpJson(value), JSON.stringify(value))
    }
  })

  it('writes undefined as null, except as a member, which it drops', () => {
    assert.equal(dumpJson(undefined), 'null')
    assert.equal(dumpJson([undefined, { a: undefined, b: 1 }, 2n]), '[null,{"b":1},2]')
    // oxlint-disable-next-line no-sparse-arrays
    assert.equal(dumpJson([, 1]), '[null,1]')
  })

  it('writes each type as kombu does', () => {
    const when = new Date('2026-01-02T03:04:05.678Z')
    assert.equal(dumpJson(when), '{"__type__":"datetime","__value__":"2026-01-02T03:04:05.678+00:00"}')
    assert.equal(dumpJson(new PlainDate('2026-01-02')), '{"__type__":"date","__value__":"2026-01-02"}')
    assert.equal(dumpJson(new PlainTime('03:04:05')), '{"__type__":"time","__value__":"03:04:05"}')
    assert.equal(dumpJson(new Decimal('1.10')), '{"__type__":"decimal","__value__":"1.10"}')
    const uuid = new Uuid('12345678-1234-5678-1234-567812345678')
    assert.equal(dumpJson(uuid), '{"__type__":"uuid","__value__":{"hex":"12345678123456781234567812345678"}}')
    assert.equal(dumpJson(Buffer.from('bytes')), '{"__type__":"bytes","__value__":"bytes"}')
    assert.equal(dumpJson(new Uint8Array([255, 254])), '{"__type__":"base64","__value__":"//4="}')
  })

  it('writes a model reference as the documented encoder of kombu does', () => {
    assert.equal(dumpJson(new ModelReference('shop.Order', 42)), '{"__type__":"model","__value__":["shop.Order",42]}')
    assert.equal(
      dumpJson([new ModelReference('shop.Order', [1, 2n ** 70n], { v: 7, c: 1 })]),
      '[{"__type__":"model","__value__":["shop.Order",[1,1180591620717411303424],{"v":7,"c":1}]}]',
    )
  })

  it('writes the numbers that JSON has not as Python does', () => {
    assert.equal(
      dumpJson([NaN, Infinity, -Infinity, -0, 2 ** 53, -(2 ** 60)]),
      '[NaN,Infinity,-Infinity,-0.0,9007199254740992.0,-1152921504606847000.0]',
    )
    assert.equal(dumpJson(2n ** 64n), '18446744073709551616')
  })

  it('writes what toJSON returns, with its types', () => {
    assert.equal(dumpJson({ at: new URL('http://h/') }), '{"at":"http://h/"}')
    assert.equal(dumpJson([{ toJSON: (key: string) => ({ key, n: 1n }) }]), '[{"key":"0","n":1}]')
    assert.equal(dumpJson(Object.assign([1], { toJSON: () => 'list' })), '"list"')
  })

  it('takes plain objects of other realms and without a prototype', () => {
    assert.equal(dumpJson(vm.runInNewContext('({ a: [1, { b: 2 }] })')), '{"a":[1,{"b":2}]}')
    assert.equal(dumpJson(Object.assign(Object.create(null), { a: 1 })), '{"a":1}')
  })

  it('refuses what is no data, and says where', () => {
    class Order {
      id = 1
    }
    const cycle: Record<string, unknown> = {}
    cycle['self'] = [cycle]
    assert.match(refusal([{ user: { name: () => 1 } }]), /^\$\[0\]\.user\.name is a function/)
    assert.match(refusal({ 'first name': Symbol('x') }), /^\$\["first name"\] is a symbol/)
    assert.match(refusal([new Map()]), /^\$\[0\] is a Map; .*fromEntries/)
    assert.match(refusal({ a: new Set() }), /^\$\.a is a Set; .*Array\.from/)
    assert.match(refusal([new Order()]), /^\$\[0\] is an instance of Order/)
    assert.match(refusal(new Error('x')), /^\$ is an instance of Error/)
    assert.match(refusal(new Float32Array(1)), /^\$ is a Float32Array; send a Uint8Array/)
    assert.match(refusal(cycle), /^\$\.self\[0\] contains itself/)
    assert.match(refusal([new Date(NaN)]), /^\$\[0\] is an invalid Date/)
    assert.match(refusal(new Date(8.64e15)), /^\$ is an invalid Date or lies outside the years/)
    assert.match(refusal([{ __value__: 1, __type__: 'x' }]), /^\$\[0\] has exactly the keys/)
    assert.match(
      refusal(new ModelReference('Order', 1)),
      /^\$ is a reference to the model "Order"; a label has one dot/,
    )
    assert.match(refusal(new ModelReference('a.b.C', 1)), /one dot/)
    assert.match(refusal(new ModelReference('shop.Order', null as never)), /without a key/)
    assert.match(refusal(10n ** 5000n), /more than 4300 digits/)
  })

  it('keeps markers with a third key as plain data', () => {
    assert.equal(dumpJson({ __type__: 'x', __value__: 1, more: 2 }), '{"__type__":"x","__value__":1,"more":2}')
  })

  it('refuses what cannot be read, with the reason as cause', () => {
    const broken = {
      get secret(): unknown {
        throw new RangeError('no')
      },
    }
    assert.throws(
      () => dumpJson({ a: [broken] }),
      (error: Error) => {
        return (
          error instanceof EncodeError &&
          error.message.startsWith('$.a[0].secret cannot be read') &&
          error.cause instanceof RangeError
        )
      },
    )
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    assert.match(refusal([proxy]), /cannot be read/)
  })

  it('refuses what is nested too deep instead of running out of stack', () => {
    let deep: unknown = 1
    for (let level = 0; level < 100_000; level++) deep = level % 2 === 0 ? [deep] : { a: deep }
    assert.match(refusal([new Date(), deep]), /is nested more than 512 levels deep$/)
    assert.match(refusal(deep), /is nested more than 512 levels deep$/)
    const endless = { toJSON: (): unknown => ({ ...endless }) }
    assert.match(refusal(endless), /nested more than 512/)
  })

  it('writes a value that occurs twice, twice', () => {
    const shared = { n: 1n }
    assert.equal(dumpJson([shared, shared]), '[{"n":1},{"n":1}]')
  })
})

describe('loadJson', () => {
  it('is the inverse of dumpJson', () => {
    fc.assert(
      fc.property(tree(fc.oneof(scalar, typedValue)), (value) => {
        assert.deepEqual(loadJson(dumpJson(value)), value)
      }),
      { numRuns: 1000 },
    )
  })

  it('writes what it read as it came, however Python spelled the time', () => {
    for (const text of [
      '2026-01-02T03:04:05.678901',
      '2026-01-02T03:04:05',
      '2026-01-02T03:04:05.1+05:30',
      '2026-01-02T03:04:05Z',
    ]) {
      const json = `{"__type__":"datetime","__value__":"${text}"}`
      const date = loadJson(json) as Date
      assert.equal(dumpJson(date), json)
      date.setTime(date.getTime() + 1)
      assert.match(dumpJson(date), /T\d\d:\d\d:05\.\d\d\d\+00:00"/)
    }
  })

  it('reads the integers of Python exactly', () => {
    const json = '[9007199254740993,-1000000000000000000000000000000,9007199254740991,1e30,1.0]'
    assert.deepEqual(loadJson(json), [9007199254740993n, -(10n ** 30n), 9007199254740991, 1e30, 1])
    const huge = '7'.repeat(4000)
    assert.deepEqual(loadJson(`[${huge}]`), [BigInt(huge)])
    assert.throws(() => loadJson('7'.repeat(5000)), DecodeError)
  })

  it('reads the tokens of Python, but not in texts', () => {
    assert.deepEqual(
      loadJson('[NaN, Infinity, -Infinity, "NaN \\" Infinity \\\\", {"NaN":NaN}, 12345678901234567890]'),
      [NaN, Infinity, -Infinity, 'NaN " Infinity \\', { NaN }, 12345678901234567890n],
    )
    for (const text of [
      '1NaN',
      'NaN1',
      '-NaN',
      'NaNNaN',
      '1Infinity',
      '[NaN',
      '"NaN',
      'Infinity"',
      '1-Infinity',
      '{NaN:1}',
    ]) {
      assert.throws(() => loadJson(text), DecodeError, text)
    }
  })

  it('reads typed values inside typed values, from the leaves up', () => {
    const uuid = '{"__type__":"uuid","__value__":{"hex":"12345678123456781234567812345678"}}'
    assert.deepEqual(
      loadJson(`{"__type__":"model","__value__":["shop.Order",[${uuid},7],{"v":3,"rel":["x"]}]}`),
      new ModelReference('shop.Order', ['12345678-1234-5678-1234-567812345678', 7], { v: 3 }),
    )
  })

  it('reads a marker however its name is escaped', () => {
    assert.deepEqual(loadJson(String.raw`{"\u005f_type__":"decimal","__value__":"1"}`), new Decimal('1'))
  })

  it('refuses markers it does not know or cannot read, by name', () => {
    const typed = (type: string, value: string) => `[{"__type__":${type},"__value__":${value}}]`
    assert.throws(() => loadJson(typed('"nope"', '1')), { name: 'DecodeError', message: /Unknown typed value "nope"/ })
    for (const [type, value] of [
      ['7', '1'],
      ['null', '1'],
      ['"__proto__"', '1'],
      ['"constructor"', '1'],
      ['"datetime"', '"yesterday"'],
      ['"datetime"', '"2026-02-30T00:00:00"'],
      ['"datetime"', '1'],
      ['"date"', '"2026-13-01"'],
      ['"date"', '"2026-01-02 or so"'],
      ['"time"', '"25:00"'],
      ['"decimal"', '1.5'],
      ['"decimal"', '"one"'],
      ['"uuid"', '{"hex":"12"}'],
      ['"uuid"', '{"int":1.5}'],
      ['"uuid"', '{}'],
      ['"bytes"', '1'],
      ['"bytes"', String.raw`"\ud800"`],
      ['"base64"', '"%%%"'],
      ['"model"', '{"label":"shop.Order"}'],
      ['"model"', '["Order",1]'],
      ['"model"', '["shop.Order"]'],
      ['"model"', '["shop.Order",null]'],
      ['"model"', '["shop.Order",{"a":1}]'],
      ['"model"', '["shop.Order",[]]'],
      ['"model"', '["shop.Order",1,5]'],
    ] as const) {
      assert.throws(() => loadJson(typed(type, value)), DecodeError, `${type} ${value}`)
    }
  })

  it('never touches a prototype', () => {
    const marker = '{"__type__":"decimal","__value__":"1"}'
    const value = loadJson(
      `{"__proto__":{"polluted":${marker}},"a":{"__proto__":${marker}},"constructor":{"prototype":{"polluted":1}}}`,
    )
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    assert.deepEqual(Object.keys(value as object), ['__proto__', 'a', 'constructor'])
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
    const { a } = value as { a: object }
    assert.equal(Object.getPrototypeOf(a), Object.prototype)
    assert.deepEqual(Object.getOwnPropertyDescriptor(a, '__proto__')?.value, new Decimal('1'))
    assert.equal(dumpJson(value).includes('polluted'), true)
  })

  it('refuses depth bombs', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
      ['[1,{"b":', '}]'],
    ] as const) {
      assert.throws(() => loadJson(`${open.repeat(100_000)}1${close.repeat(100_000)}`), {
        message: /nested more than 512/,
      })
      assert.throws(() => loadJson(open.repeat(100_000)), DecodeError)
    }
    assert.throws(() => loadJson(`${'['.repeat(100_000)}NaN${']'.repeat(100_000)}`), DecodeError)
  })

  it('gives a value or a DecodeError for any text', () => {
    const mutated = fc
      .tuple(tree(fc.oneof(scalar, typedValue)), fc.nat(), fc.nat(6), fc.string({ maxLength: 6 }))
      .map(([value, at, length, insert]) => {
        const text = dumpJson(value)
        const start = at % (text.length + 1)
        return text.slice(0, start) + insert + text.slice(start + length)
      })
    const check = (text: string): void => {
      try {
        loadJson(text)
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error))
      }
    }
    fc.assert(fc.property(mutated, check), { numRuns: 1000 })
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), check), { numRuns: 500 })
  })
})
