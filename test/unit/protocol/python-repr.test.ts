import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ModelReference } from '../../../src/protocol/model-reference.ts'
import { reprArgs, reprKwargs, reprValue } from '../../../src/protocol/python-repr.ts'
import { Decimal, PlainDate, Uuid } from '../../../src/protocol/typed-values.ts'

describe('reprs', () => {
  it('show arguments as Python does', () => {
    assert.equal(reprArgs([2, 3]), '(2, 3)')
    assert.equal(reprArgs([2]), '(2,)')
    assert.equal(reprArgs([]), '()')
    assert.equal(
      reprKwargs({ y: 3, 'a b': [null, undefined, true, false] }),
      "{'y': 3, 'a b': [None, None, True, False]}",
    )
  })

  it('show values as Python does', () => {
    for (const [value, text] of [
      ["it's", `"it's"`],
      [`it's "so"`, String.raw`'it\'s "so"'`],
      ['a\\b\n\t\u0000\u2028é', String.raw`'a\\b\n\t\x00\u2028é'`],
      [NaN, 'nan'],
      [-Infinity, '-inf'],
      [-0, '-0.0'],
      [1.5, '1.5'],
      [2n ** 70n, '1180591620717411303424'],
      [
        new Date('2026-01-02T03:04:05.678Z'),
        'datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)',
      ],
      [new Date('2026-01-02T03:00:00Z'), 'datetime.datetime(2026, 1, 2, 3, 0, tzinfo=datetime.timezone.utc)'],
      [new PlainDate('2026-01-02'), 'datetime.date(2026, 1, 2)'],
      [new Uint8Array([65, 39, 255]), String.raw`b'A\x27\xff'`],
      [new Decimal('1.10'), "Decimal('1.10')"],
      [new Uuid('12345678123456781234567812345678'), "UUID('12345678-1234-5678-1234-567812345678')"],
      [new Date(NaN), '<invalid date>'],
      [() => 1, '<function>'],
    ] as const) {
      assert.equal(reprValue(value), text)
    }
  })

  it('show a model by label and key, an instance by its class, never their contents', () => {
    class Customer {
      password = 'secret'
    }
    const value = [
      new ModelReference('shop.Order', 42),
      new ModelReference('shop.Line', [1, 2]),
      new Customer(),
      new Map([['a', 1]]),
    ]
    assert.equal(reprValue(value), '[shop.Order(42), shop.Line(1, 2), <Customer>, <Map>]')
  })

  it('are cut at the given length without reading the rest', () => {
    let reads = 0
    const endless = new Proxy([] as unknown[], {
      get: (target, key) => {
        if (key === 'length') return 1e9
        reads++
        return typeof key === 'string' ? 'item' : Reflect.get(target, key)
      },
    })
    assert.equal(reprValue(endless).length, 1024)
    assert.match(reprValue(endless), /'item', .*\.\.\.$/)
    assert.ok(reads < 1000, `${reads} reads`)
    assert.equal(reprValue('x'.repeat(1e6), { maxLength: 20 }), `'${'x'.repeat(16)}...`)
    assert.equal(reprArgs(['x'.repeat(1e6)], { maxLength: 20 }).length, 20)
    assert.equal(reprValue(new Uint8Array(1e6)).length, 1024)
  })

  it('survive cycles, getters and proxies that throw', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    assert.match(reprValue(cycle), /^\[+\.\.\.\]+$/)
    const getter = {
      a: 1,
      get b(): unknown {
        throw new Error('no')
      },
    }
    assert.equal(reprValue(getter), "{'a': 1, 'b': <unreadable>}")
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    assert.equal(reprArgs([proxy, 1]), '(<unreadable>, 1)')
    assert.equal(reprArgs(proxy as never), '<unreadable>')
    assert.match(reprValue(10n ** 100_000n), /large integer/)
  })

  it('never throw and never exceed their length', () => {
    const anything = fc.anything({
      withBigInt: true,
      withMap: true,
      withSet: true,
      withDate: true,
      withTypedArray: true,
    })
    fc.assert(
      fc.property(anything, fc.integer({ min: 3, max: 50 }), (value, maxLength) => {
        assert.ok(reprValue(value, { maxLength }).length <= maxLength)
      }),
    )
  })
})
