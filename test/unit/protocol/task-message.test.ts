import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DecodeError, EncodeError } from '../../../src/errors.ts'
import { deathHeader, type Message } from '../../../src/protocol/message.ts'
import { decodeTaskBody, emptyEmbed, encodeTaskBody, type TaskBody } from '../../../src/protocol/task-body.ts'
import {
  encodeEta,
  encodeTaskHeaders,
  isTaskMessage,
  readTask,
  reservedHeaders,
  type TaskHeaders,
} from '../../../src/protocol/task-message.ts'
import { date, scalar, tree } from './arbitraries.ts'

const emptyBody = [[], {}, emptyEmbed]

function message(headers: Record<string, unknown>, body: unknown = emptyBody): Message {
  return {
    headers,
    properties: {},
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: JSON.stringify(body),
  }
}

function read(headers: Record<string, unknown>, body: unknown = emptyBody): TaskHeaders {
  return readTask(message({ task: 't', id: 'i', ...headers }, body), () => body).headers
}

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })
const name = fc.string({ minLength: 1, maxLength: 1000, unit: 'binary' })
const text = optional(fc.string())
const seconds = optional(fc.double({ min: 0.001, max: 1e9, noNaN: true }))

const headersModel = {
  task: name,
  id: name,
  rootId: text,
  parentId: text,
  group: text,
  groupIndex: optional(fc.nat()),
  retries: fc.nat(),
  eta: optional(date),
  expires: optional(date),
  hardTimeLimit: seconds,
  softTimeLimit: seconds,
  shadow: text,
  argsRepr: text,
  kwargsRepr: text,
  origin: text,
  ignoreResult: optional(fc.boolean()),
  replacedTaskNesting: fc.nat(),
  stampedHeaders: optional(fc.array(fc.string())),
  stamps: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
  custom: fc.dictionary(
    fc.oneof(fc.string(), fc.constant('__proto__')).filter((key) => !reservedHeaders.has(key)),
    scalar,
    { noNullPrototype: true },
  ),
}
const taskHeaders: fc.Arbitrary<TaskHeaders> = fc.record(headersModel, { noNullPrototype: true })

describe('task headers', () => {
  it('read back as they were written', () => {
    fc.assert(
      fc.property(taskHeaders, (headers) => {
        assert.deepEqual(read(encodeTaskHeaders(headers)), headers)
      }),
      { numRuns: 500 },
    )
  })

  it("have Celery's names in Celery's order", () => {
    const headers = { ...read({}), task: 'demo.add', id: '1', rootId: '1', hardTimeLimit: 30, softTimeLimit: 20 }
    assert.equal(
      JSON.stringify(encodeTaskHeaders({ ...headers, eta: new Date(0), custom: { 'x-mine': 1 } })),
      '{"lang":"js","task":"demo.add","id":"1","shadow":null,"eta":"1970-01-01T00:00:00.000+00:00","expires":null,' +
        '"group":null,"group_index":null,"retries":0,"timelimit":[30,20],"root_id":"1","parent_id":null,' +
        '"argsrepr":null,"kwargsrepr":null,"origin":null,"ignore_result":null,"replaced_task_nesting":0,' +
        '"stamped_headers":null,"stamps":{},"x-mine":1}',
    )
  })

  it('of the caller cannot replace those of the protocol', () => {
    for (const header of ['task', 'id', 'compression']) {
      assert.throws(() => encodeTaskHeaders({ ...read({}), custom: { [header]: 'x' } }), EncodeError)
    }
  })

  it('that brokers add are not passed on', () => {
    assert.deepEqual(read({ redelivered: true, [deathHeader]: {}, 'x-death': [], mine: 1 }).custom, { mine: 1 })
  })

  it('may be missing, null or empty', () => {
    const headers = read({ timelimit: [], retries: null, stamps: null, stamped_headers: null, ignore_result: null })
    assert.deepEqual(headers, read({}))
    assert.deepEqual([headers.retries, headers.replacedTaskNesting, headers.stamps], [0, 0, {}])
    assert.equal(read({ timelimit: [0, 1.5] }).hardTimeLimit, undefined)
    assert.equal(read({ timelimit: [0, 1.5] }).softTimeLimit, 1.5)
  })

  for (const [eta, expected] of [
    ['2026-11-20T08:29:12.477541+00:00', '2026-11-20T08:29:12.477Z'],
    ['2026-11-20T08:29:12Z', '2026-11-20T08:29:12.000Z'],
    ['2026-11-20T08:29:12', '2026-11-20T08:29:12.000Z'],
    ['2026-11-20T08:29+02:00', '2026-11-20T06:29:00.000Z'],
    ['2026-11-20 08:29:12.5-0330', '2026-11-20T11:59:12.500Z'],
    ['20261120T082912Z', '2026-11-20T08:29:12.000Z'],
    ['2026-11-20', '2026-11-20T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ] as const) {
    it(`understand the eta ${eta}`, () => {
      assert.equal(read({ eta }).eta?.toISOString(), expected)
      assert.equal(encodeEta(read({ eta }).eta ?? new Date(NaN)), eta)
    })
  }

  const long = 'x'.repeat(10_000)
  for (const [header, value, expected] of [
    ['task', 7, /header task must be a text of 1 to 1000 characters, got 7/],
    ['task', null, /header task .* got null/],
    ['task', '', /header task .* got ""/],
    ['task', long, /header task .* got a text of 10000 characters/],
    ['id', undefined, /header id .* got nothing/],
    ['id', null, /header id .* got null/],
    ['id', long, /header id/],
    ['eta', '', /header eta must be an ISO 8601 date and time or null, got ""/],
    ['eta', 1_700_000_000, /header eta .* got 1700000000/],
    ['eta', 'tomorrow', /header eta .* got "tomorrow"/],
    ['eta', '2026-02-30T00:00:00Z', /header eta/],
    ['eta', '2026-01-01T24:00:00Z', /header eta/],
    ['eta', '2026-01-01T00:00:00+99:00', /header eta/],
    ['expires', 60, /header expires .* got 60/],
    ['timelimit', [1], /header timelimit must be a list \[hard, soft\].* got a list of 1/],
    ['timelimit', ['1', null], /header timelimit .* got "1"/],
    ['timelimit', [-1, null], /header timelimit .* got -1/],
    ['timelimit', 30, /header timelimit .* got 30/],
    ['retries', -1, /header retries must be a whole number, 0 or more, got -1/],
    ['retries', 1.5, /header retries/],
    ['retries', '1', /header retries .* got "1"/],
    ['group', 5, /header group must be a text or null, got 5/],
    ['group_index', 'a', /header group_index/],
    ['root_id', {}, /header root_id .* got an object/],
    ['ignore_result', 'yes', /header ignore_result must be true, false or null, got "yes"/],
    ['stamps', [], /header stamps must be an object or null, got a list of 0/],
    ['stamped_headers', [1], /header stamped_headers must be a list of texts/],
    ['replaced_task_nesting', true, /header replaced_task_nesting/],
  ] as const) {
    it(`are refused with ${header} ${String(JSON.stringify(value)).slice(0, 30)}`, () => {
      assert.throws(() => read({ [header]: value }), { name: 'DecodeError', message: expected })
    })
  }

  it('give headers or a DecodeError, whatever they hold', () => {
    const wire = fc.record(
      Object.fromEntries([...reservedHeaders].map((header) => [header, tree(scalar)])) as Record<
        string,
        fc.Arbitrary<unknown>
      >,
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(wire, tree(scalar), (headers, body) => {
        try {
          readTask(message(headers, body), () => body).body()
        } catch (error) {
          assert.ok(error instanceof DecodeError, String(error))
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('readTask', () => {
  it('loads a protocol 2 body when it is asked for, once', () => {
    let loads = 0
    const task = readTask(message({ task: 't', id: 'i' }), () => {
      loads++
      return [[1], { a: 2 }, null]
    })
    assert.equal(loads, 0)
    assert.deepEqual(task.body(), { args: [1], kwargs: { a: 2 }, embed: emptyEmbed })
    assert.equal(task.body(), task.body())
    assert.equal(loads, 1)
  })

  it('reads the headers of protocol 1 from its body', () => {
    const body = { task: 't', id: 'i', args: [1], retries: 2, taskset: 'g', group: 'other', callbacks: [{ task: 'c' }] }
    const task = readTask(message({}, body), () => body)
    assert.equal(task.protocol, 1)
    assert.equal(task.headers.group, 'g')
    assert.equal(task.headers.retries, 2)
    assert.deepEqual(task.headers.custom, {})
    assert.deepEqual(task.body(), { args: [1], kwargs: {}, embed: { ...emptyEmbed, callbacks: [{ task: 'c' }] } })
  })

  it("reads times of protocol 1 without utc as this machine's", () => {
    const body = {
      task: 't',
      id: 'i',
      args: [],
      utc: false,
      eta: '2026-07-01T12:30:15.5',
      expires: '2026-07-01T12:00:00Z',
    }
    const { headers } = readTask(message({}, body), () => body)
    assert.equal(headers.eta?.getTime(), new Date(2026, 6, 1, 12, 30, 15, 500).getTime())
    assert.equal(headers.expires?.toISOString(), '2026-07-01T12:00:00.000Z')
  })

  it('lets headers of protocol 2 win over the fields of a body of protocol 1', () => {
    const body = { task: 'old', id: 'old', args: [1], kwargs: { y: 2 }, retries: 3 }
    const task = readTask(message({ task: 'new', id: 'i', mine: 1 }, body), () => body)
    assert.deepEqual([task.headers.task, task.headers.id, task.headers.retries], ['new', 'i', 3])
    assert.deepEqual(task.headers.custom, { mine: 1 })
    assert.deepEqual(task.body().kwargs, { y: 2 })
  })

  for (const [what, body] of [
    ['a list without headers', emptyBody],
    ['an object without task', { id: 'i', args: [] }],
    ['a text', 'text'],
    ['nothing', null],
  ] as const) {
    it(`refuses ${what} as no task`, () => {
      assert.throws(() => readTask(message({}, body), () => body), {
        name: 'DecodeError',
        message: /is no task: no header task/,
      })
    })
  }

  it('refuses protocol 1 without id or args', () => {
    assert.throws(() => readTask(message({}, { task: 't', args: [] }), () => ({ task: 't', args: [] })), /header id/)
    assert.throws(
      () => readTask(message({}, { task: 't', id: 'i' }), () => ({ task: 't', id: 'i' })),
      /as args, got nothing/,
    )
  })

  it('never reads a prototype of the headers', () => {
    const headers = JSON.parse('{"task":"t","id":"i","__proto__":{"retries":5}}') as Record<string, unknown>
    const task = readTask(message(headers), () => emptyBody)
    assert.equal(task.headers.retries, 0)
    assert.equal(Object.getPrototypeOf(task.headers.custom), Object.prototype)
    assert.equal(({} as Record<string, unknown>)['retries'], undefined)
  })

  it('knows a task message of protocol 2 by its headers', () => {
    assert.equal(isTaskMessage(message({ task: 't' })), true)
    assert.equal(isTaskMessage(message({})), false)
  })
})

describe('task bodies', () => {
  const signature = fc.dictionary(fc.string(), scalar, { noNullPrototype: true })
  const signatures = fc.option(fc.array(signature))
  const embed = fc.record(
    { callbacks: signatures, errbacks: signatures, chain: signatures, chord: fc.option(signature) },
    { noNullPrototype: true },
  )
  const body: fc.Arbitrary<TaskBody> = fc.record(
    { args: fc.array(scalar), kwargs: signature, embed },
    { noNullPrototype: true },
  )

  it('read back as they were written', () => {
    fc.assert(fc.property(body, (value) => assert.deepEqual(decodeTaskBody(encodeTaskBody(value)), value)))
  })

  for (const [value, expected] of [
    [{ args: [] }, /must be a list \[args, kwargs, embed\], got an object/],
    [[[], {}], /got a list of 2/],
    [[[], {}, {}, {}], /got a list of 4/],
    [null, /got null/],
    [[null, {}, {}], /a list as args, got null/],
    [[{ a: 1 }, {}, {}], /a list as args, got an object/],
    [[[], null, {}], /an object as kwargs, got null/],
    [[[], [], {}], /an object as kwargs, got a list/],
    [[[], new Date(0), {}], /an object as kwargs, got an instance of Date/],
    [[[], {}, []], /an object or null as embed/],
    [[[], {}, { chain: 'x' }], /a list of signatures or null as embed.chain, got "x"/],
    [[[], {}, { chord: [1] }], /a signature or null as embed.chord/],
  ] as const) {
    it(`are refused as ${JSON.stringify(value)}`, () => {
      assert.throws(() => decodeTaskBody(value), { name: 'DecodeError', message: expected })
    })
  }
})
