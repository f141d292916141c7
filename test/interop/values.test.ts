import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Decimal, PlainDate, PlainTime, TaskError, Uuid } from '../../src/index.ts'
import { deathHeader } from '../../src/protocol/message.ts'
import { until } from '../support/worker-harness.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'
import type { PythonProducer } from './python-processes.ts'

const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e'
const date = new Date('2026-11-20T12:30:15.250Z')

/** What travels, and what each side says that it is. */
const values: readonly (readonly [name: string, sent: unknown, python: unknown, typescript: unknown])[] = [
  ['text', 'ümläut ☕ \u0000 "x"', `str 'ümläut ☕ \\x00 "x"'`, 'string ümläut ☕ \u0000 "x"'],
  ['an integer', 42, 'int 42', 'number 42'],
  ['a fraction', 0.1, 'float 0.1', 'number 0.1'],
  ['true', true, 'bool True', 'boolean true'],
  ['nothing', null, 'NoneType None', 'object null'],
  ['an integer beyond 2^53', 2n ** 70n, `int ${2n ** 70n}`, `bigint ${2n ** 70n}`],
  ['a negative one', -(2n ** 63n), `int ${-(2n ** 63n)}`, `bigint ${-(2n ** 63n)}`],
  ['NaN', Number.NaN, 'float nan', 'number NaN'],
  ['Infinity', Number.POSITIVE_INFINITY, 'float inf', 'number Infinity'],
  ['-Infinity', Number.NEGATIVE_INFINITY, 'float -inf', 'number -Infinity'],
  ['a decimal', new Decimal('1.10'), "Decimal Decimal('1.10')", 'Decimal 1.10'],
  ['a UUID', new Uuid(uuid), `UUID UUID('${uuid}')`, `Uuid ${uuid}`],
  ['a day', new PlainDate('2026-02-28'), 'date datetime.date(2026, 2, 28)', 'PlainDate 2026-02-28'],
  [
    'a time of day',
    new PlainTime('12:30:15.250000'),
    'time datetime.time(12, 30, 15, 250000)',
    'PlainTime 12:30:15.250000',
  ],
  [
    'a moment',
    date,
    'datetime datetime.datetime(2026, 11, 20, 12, 30, 15, 250000, tzinfo=datetime.timezone.utc)',
    `Date ${date.toISOString()}`,
  ],
  ['bytes that are text', new TextEncoder().encode('abc'), "bytes b'abc'", 'bytes 97 98 99'],
  ['bytes that are none', new Uint8Array([0, 255, 128]), "bytes b'\\x00\\xff\\x80'", 'bytes 0 255 128'],
  [
    'a list in an object in a list',
    [{ a: [1, { b: [null] }] }],
    [{ a: ['int 1', { b: ['NoneType None'] }] }],
    [{ a: ['number 1', { b: ['object null'] }] }],
  ],
  [
    'typed values inside',
    { at: [date] },
    { at: ['datetime datetime.datetime(2026, 11, 20, 12, 30, 15, 250000, tzinfo=datetime.timezone.utc)'] },
    { at: [`Date ${date.toISOString()}`] },
  ],
  ['the key __proto__', JSON.parse('{"__proto__": 1}'), JSON.parse('{"__proto__": "int 1"}'), undefined],
]

const { skip, open } = await findInterop()

describe('values between Python and TypeScript', { skip }, () => {
  let lab: InteropLab
  let python: PythonProducer

  before(async () => {
    lab = await open({
      typescriptSettings: { accept_content: ['json', 'msgpack', 'yaml'] },
    })
    python = await lab.startBoth()
  })
  after(() => lab[Symbol.asyncDispose]())

  /** What the task of Python returns for a call of ours. */
  async function atPython(task: string, args: readonly unknown[], options: object = {}): Promise<unknown> {
    const result = await lab.app.send(task, args, { queue: 'py', ...options })
    return result.get({ timeout: '15s' })
  }

  for (const [name, sent, asPython, asTypeScript] of values) {
    it(`${name} arrives at both as what it is, and comes back as a result`, async () => {
      assert.deepEqual(await atPython('py.types', [sent]), asPython)
      assert.deepEqual(await atPython('py.same', [sent]), sent)
      if (asTypeScript === undefined) return
      assert.deepEqual(await python.result('ts.types', [sent]), asTypeScript)
      assert.deepEqual(await python.result('ts.same', [sent]), sent)
    })
  }

  it('arguments and keyword arguments arrive at Python as they were given', async () => {
    const kwargs = { c: 3, ümläut: { d: [4] } }
    assert.deepEqual(await atPython('py.echo', [1, [2]], { kwargs }), [[1, [2]], kwargs])
    assert.deepEqual(await atPython('py.echo', []), [[], {}])
  })

  it('keyword arguments of Python are bound by name, or come last as one object', async () => {
    assert.deepEqual(await python.result('ts.named', [1], { kwargs: { y: 2 } }), { x: 1, y: 2 })
    assert.deepEqual(await python.result('ts.echo', [1, 2], { kwargs: { z: 3 } }), [1, 2, { z: 3 }])
    assert.deepEqual(await python.result('ts.echo', []), [])
    const outcome = await python.get(await python.send('ts.named', [1], { kwargs: { z: 2 } }))
    assert.equal(outcome.type, 'InvalidArguments')
  })

  it('megabytes arrive', async () => {
    const text = 'größer '.repeat(150_000)
    assert.equal(await atPython('py.same', [text]), text)
    assert.equal(await python.result('ts.same', [text]), text)
  })

  for (const serializer of ['json', 'msgpack', 'yaml']) {
    it(`${serializer} is read by both`, async () => {
      const value = { text: 'ümläut', list: [1, 2.5, null, true] }
      assert.deepEqual(await atPython('py.same', [value], { serializer }), value)
      assert.deepEqual(await python.result('ts.same', [value], { serializer }), value)
    })
  }

  it('bytes travel in msgpack, and dates in YAML', async () => {
    const bytes = new Uint8Array([0, 255])
    assert.equal(await atPython('py.types', [bytes], { serializer: 'msgpack' }), "bytes b'\\x00\\xff'")
    assert.equal(await python.result('ts.types', [bytes], { serializer: 'msgpack' }), 'bytes 0 255')
    assert.match(String(await atPython('py.types', [date], { serializer: 'yaml' })), /^datetime .*2026, 11, 20, 12, 30/)
    assert.equal(await python.result('ts.types', [date], { serializer: 'yaml' }), `Date ${date.toISOString()}`)
  })

  for (const compression of ['gzip', 'zlib', 'zstd', 'brotli']) {
    it(`what is compressed with ${compression} is read by both`, async () => {
      const text = 'again and '.repeat(1000)
      assert.equal(await atPython('py.same', [text], { compression }), text)
      assert.equal(await python.result('ts.same', [text], { compression }), text)
    })
  }

  it('bzip2, which TypeScript cannot read, is kept as a dead letter, and its caller is told', async () => {
    const id = await python.send('ts.same', [1], { compression: 'bzip2' })
    const outcome = await python.get(id)
    assert.equal(outcome.state, 'FAILURE')
    assert.match(outcome.text ?? '', /application\/x-bz2/)
    const broker = await lab.app.openBroker()
    const [dead] = await until('it is dead', async () => {
      const letters = (await broker.peek?.('ts.dead', { offset: 0, limit: 1 })) ?? []
      return letters.length > 0 && letters
    })
    assert.match(JSON.stringify(dead?.headers[deathHeader]), /x-bz2/)
    await broker.purge('ts.dead')
  })

  it('pickle, which runs code, is never read', async () => {
    const outcome = await python.get(await python.send('ts.same', [1], { serializer: 'pickle' }))
    assert.match(outcome.text ?? '', /application\/x-python-serialize/)
    const broker = await lab.app.openBroker()
    await until('it is dead', async () => (await broker.purge('ts.dead')) === 1)
  })

  it('task protocol 1 is read: ids, arguments, ETA', async () => {
    const eta = new Date(Date.now() + 300)
    const id = await python.send('ts.context', [1, date], { protocol: 1, kwargs: { a: 2 }, eta })
    const outcome = await python.get(id)
    const request = outcome.value as Record<string, unknown>
    assert.equal(request['id'], id)
    assert.deepEqual(request['args'], [1, date])
    assert.deepEqual(request['kwargs'], { a: 2 })
    assert.deepEqual(request['eta'], eta)
    assert.ok(Date.now() >= eta.getTime())
    const failed = await python.get(await python.send('ts.fail', ['custom'], { protocol: 1 }))
    assert.equal(failed.type, 'CustomError')
  })

  it('an error of Python comes with its class, its arguments and its traceback', async () => {
    const failure = async (kind: string): Promise<TaskError> => {
      const error: unknown = await atPython('py.fail', [kind]).catch((thrown: unknown) => thrown)
      assert.ok(error instanceof TaskError, String(error))
      return error
    }
    const custom = await failure('custom')
    assert.deepEqual([custom.type, custom.module, custom.details], ['CustomError', 'interop_app', ['first', 2]])
    assert.match(custom.traceback ?? '', /Traceback \(most recent call last\)[\s\S]*raise CustomError/)
    const value = await failure('value')
    assert.equal(value.message, 'ValueError: no such thing: ümläut')
    assert.deepEqual((await failure('key')).details, ['missing'])
  })

  it('an error of TypeScript is raised in Python with its class and message, and has the stack', async () => {
    const custom = await python.get(await python.send('ts.fail', ['custom']))
    assert.deepEqual([custom.state, custom.type, custom.args], ['FAILURE', 'CustomError', ['first']])
    assert.match(custom.traceback ?? '', /interop-tasks\.ts/)
    const type = await python.get(await python.send('ts.fail', ['type']))
    assert.deepEqual([type.type, type.text], ['TypeError', 'no such thing: ümläut'])
  })

  it('a task that nobody knows fails for whoever waits, and TypeScript keeps the message', async () => {
    const outcome = await python.get(await python.send('ts.unknown', [1]))
    assert.equal(outcome.type, 'NotRegistered')
    const broker = await lab.app.openBroker()
    await until('the message is kept', async () => (await broker.count('ts.dead')) === 1)
    const error: unknown = await atPython('py.unknown', []).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof TaskError)
    assert.equal(error.type, 'NotRegistered')
  })
})
