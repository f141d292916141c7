import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import vm from 'node:vm'
import fc from 'fast-check'
import {
  MaxRetriesExceeded,
  NotRegistered,
  RowMissing,
  TaskRevoked,
  TimeLimitExceeded,
  WorkerLost,
} from '../../../src/errors.ts'
import {
  decodeRemoteError,
  describeError,
  encodeRemoteError,
  formatRemoteError,
  remoteErrorMessage,
} from '../../../src/protocol/remote-error.ts'
import { dumpJson, loadJson } from '../../../src/protocol/typed-json.ts'
import { scalar, tree, typedValue } from './arbitraries.ts'

describe('describeError', () => {
  it('names the class, the message and the stack', () => {
    const error = describeError(new TypeError('bad'))
    assert.deepEqual([error.type, error.details, error.module], ['TypeError', ['bad'], 'builtins'])
    assert.match(error.traceback ?? '', /^TypeError: bad\n {4}at /)
  })

  it('knows which classes Python and Celery have too', () => {
    class OutOfStock extends Error {
      override readonly name = 'OutOfStock'
    }
    const names = [
      new RangeError('r'),
      new SyntaxError('s'),
      new OutOfStock('o'),
      new NotRegistered('n'),
      new TaskRevoked('t'),
      new MaxRetriesExceeded('m'),
      new TimeLimitExceeded('l'),
      new WorkerLost('w'),
      new RowMissing('r'),
    ].map((error) => `${describeError(error).module} ${describeError(error).type}`)
    assert.deepEqual(names, [
      'javascript RangeError',
      'javascript SyntaxError',
      'javascript OutOfStock',
      'celery.exceptions NotRegistered',
      'celery.exceptions TaskRevokedError',
      'celery.exceptions MaxRetriesExceededError',
      'billiard.exceptions TimeLimitExceeded',
      'billiard.exceptions WorkerLostError',
      'celeriac RowMissing',
    ])
  })

  it('tells the causes and the errors of an AggregateError', () => {
    const cause = new Error('deep', { cause: 'a text' })
    const { traceback } = describeError(new AggregateError([new Error('inner')], 'all', { cause }))
    assert.match(
      traceback ?? '',
      /AggregateError: all\n[^]*Caused by: Error: deep\n[^]*Caused by: 'a text'\nWith: Error: inner/,
    )
  })

  it('survives causes that go in circles or never end', () => {
    const circle = new Error('circle')
    circle.cause = circle
    assert.equal(describeError(circle).traceback?.match(/circle/g)?.length, 1)
    const endless: object = {
      stack: 's',
      get cause(): unknown {
        return Object.create(endless)
      },
    }
    assert.equal(describeError(endless).traceback?.match(/Caused by/g)?.length, 9)
  })

  it('cuts huge texts', () => {
    const error = describeError(new Error('x'.repeat(1_000_000)))
    assert.ok(String(error.details[0]).length < 66_000)
    assert.ok((error.traceback?.length ?? 0) < 66_000)
    assert.match(String(error.details[0]), /\(cut, 1000000 characters\)$/)
  })

  it('knows an error of another realm', () => {
    assert.equal(describeError(vm.runInNewContext('new TypeError("far")')).type, 'TypeError')
  })

  const hostile = new Proxy(new Error('x'), {
    get() {
      throw new Error('get')
    },
    getPrototypeOf() {
      throw new Error('prototype')
    },
  })
  const getters = Object.defineProperties(new Error('x'), {
    message: {
      get: () => {
        throw new Error('no message')
      },
    },
    stack: {
      get: () => {
        throw new Error('no stack')
      },
    },
    name: {
      get: () => {
        throw new Error('no name')
      },
    },
    cause: {
      get: () => {
        throw new Error('no cause')
      },
    },
  })
  for (const [what, thrown, expected] of [
    ['undefined', undefined, ['Error', 'undefined was thrown, which is no Error']],
    ['null', null, ['Error', 'null was thrown, which is no Error']],
    ['a text', 'boom', ['Error', 'boom']],
    ['a number', 7, ['Error', '7 was thrown, which is no Error']],
    ['a symbol', Symbol('s'), ['Error', '<symbol> was thrown, which is no Error']],
    ['a frozen object', Object.freeze({ a: 1 }), ['Error', "{'a': 1} was thrown, which is no Error"]],
    ['a frozen error', Object.freeze(new RangeError('cold')), ['RangeError', 'cold']],
    ['an object without a prototype', Object.create(null), ['Error', '{} was thrown, which is no Error']],
    ['an error whose getters throw', getters, ['Error', '']],
    ['an error with an odd name', Object.assign(new Error('m'), { name: 5, stack: {} }), ['Error', 'm']],
    ['a proxy that throws', hostile, ['Error', '<unreadable> was thrown, which is no Error']],
  ] as const) {
    it(`describes ${what}`, () => {
      const error = describeError(thrown)
      assert.deepEqual([error.type, error.details[0] ?? ''], expected)
      assert.equal(typeof dumpJson(encodeRemoteError(error)), 'string')
    })
  }

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withMap: true, withDate: true, withNullPrototype: true }),
        (thrown) => {
          assert.equal(typeof describeError(thrown).type, 'string')
        },
      ),
    )
  })
})

describe('remote errors', () => {
  it('read back as they were written', () => {
    const error = fc.record(
      {
        type: fc.string({ minLength: 1 }),
        details: fc.array(tree(fc.oneof(scalar, typedValue))),
        module: fc.option(fc.string(), { nil: undefined }),
        traceback: fc.constant(undefined),
      },
      { noNullPrototype: true },
    )
    fc.assert(
      fc.property(error, (value) => {
        assert.deepEqual(decodeRemoteError(loadJson(dumpJson(encodeRemoteError(value)))), value)
      }),
    )
  })

  it('have their keys in the order of Celery', () => {
    const error = { type: 'E', details: ['m', 4], module: undefined, traceback: undefined }
    assert.equal(JSON.stringify(encodeRemoteError(error)), '{"exc_type":"E","exc_message":["m",4],"exc_module":null}')
  })

  it('show details that are no data as their repr', () => {
    const error = { type: 'E', details: [new Map(), 1n], module: undefined, traceback: undefined }
    assert.deepEqual(encodeRemoteError(error)['exc_message'], ['<Map>', 1n])
  })

  for (const [stored, type, message] of [
    [{ exc_type: 'ValueError', exc_message: ['boom', 42], exc_module: 'builtins' }, 'ValueError', "('boom', 42)"],
    [{ exc_type: 'ValueError', exc_message: 'bad' }, 'ValueError', 'bad'],
    [{ exc_type: 'SoftTimeLimitExceeded', exc_message: [] }, 'SoftTimeLimitExceeded', ''],
    [{ exc_type: 'KeyError', exc_message: null, exc_module: null }, 'KeyError', ''],
    [{ exc_type: 'KeyError', exc_message: [7], exc_module: 3 }, 'KeyError', '7'],
    ['a text', 'Exception', 'a text'],
    [null, 'Exception', ''],
    [{ other: 1 }, 'Exception', "{'other': 1}"],
    [[1, 2], 'Exception', '[1, 2]'],
  ] as const) {
    it(`are read from ${JSON.stringify(stored)}`, () => {
      const error = decodeRemoteError(stored)
      assert.deepEqual([error.type, remoteErrorMessage(error)], [type, message])
      assert.equal(formatRemoteError(error), message === '' ? type : `${type}: ${message}`)
    })
  }
})
