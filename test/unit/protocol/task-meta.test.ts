import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../../src/errors.ts'
import { decodeTaskMeta, encodeTaskMeta, type TaskMeta } from '../../../src/protocol/task-meta.ts'
import { dumpJson, loadJson } from '../../../src/protocol/typed-json.ts'
import { date, scalar, tree, typedValue } from './arbitraries.ts'

const id = fc.string({ minLength: 1 })
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })
const value = tree(fc.oneof(scalar, typedValue))
const noNullPrototype = { noNullPrototype: true }

const extended = fc.record(
  { name: id, args: value, kwargs: value, worker: optional(id), retries: fc.nat(), queue: optional(id) },
  noNullPrototype,
)
const rest = {
  children: optional(fc.array(id)),
  groupId: optional(id),
  parentId: optional(id),
  extended: optional(extended),
}

const meta: fc.Arbitrary<TaskMeta> = fc.oneof(
  fc.record(
    {
      taskId: id,
      status: fc.constantFrom('SUCCESS', 'STARTED', 'PROGRESS'),
      result: value,
      traceback: optional(fc.string()),
      dateDone: optional(date),
      ...rest,
    },
    noNullPrototype,
  ),
  fc
    .tuple(id, fc.constantFrom('FAILURE', 'REVOKED', 'RETRY'), fc.array(value), optional(fc.string()), optional(id))
    .chain(([taskId, status, details, traceback, module]) => {
      const result = fc.constant({ type: 'E', details, module, traceback })
      const fields = { taskId: fc.constant(taskId), status: fc.constant(status), traceback: fc.constant(traceback) }
      return fc.record({ ...fields, result, dateDone: optional(date), ...rest }, noNullPrototype)
    }),
)

describe('task metas', () => {
  it('read back as they were written', () => {
    fc.assert(
      fc.property(meta, (written) => {
        assert.deepEqual(decodeTaskMeta(loadJson(dumpJson(encodeTaskMeta(written)))), written)
      }),
      { numRuns: 500 },
    )
  })

  it("have Celery's keys in Celery's order", () => {
    const written = encodeTaskMeta({
      taskId: '1',
      status: 'SUCCESS',
      result: undefined,
      children: ['2'],
      dateDone: new Date(0),
      groupId: 'g',
      parentId: 'p',
      extended: {
        name: 't',
        args: [],
        kwargs: {},
        worker: undefined,
        retries: 0,
        queue: 'q',
        stamps: { s: 1, status: 2 },
      },
    })
    assert.equal(
      JSON.stringify(written),
      '{"status":"SUCCESS","result":null,"traceback":null,"children":[[["2",null],null]],' +
        '"date_done":"1970-01-01T00:00:00.000+00:00","group_id":"g","parent_id":"p","name":"t","args":[],"kwargs":{},' +
        '"worker":null,"retries":0,"queue":"q","stamped_headers":["s"],"s":1,"task_id":"1"}',
    )
  })

  it('are read from the least that Celery reads', () => {
    const read = decodeTaskMeta({ status: 'SUCCESS', result: 5, task_id: 'x' })
    assert.deepEqual(
      [read.taskId, read.status, read.result, read.children, read.dateDone],
      ['x', 'SUCCESS', 5, undefined, undefined],
    )
  })

  it('know naive times, groups among the children, and bare ids', () => {
    const children = [
      [['a', null], null],
      [
        ['g', null],
        [
          [['b', null], null],
          [['c', null], null],
        ],
      ],
      'd',
    ]
    const read = decodeTaskMeta({
      status: 'SUCCESS',
      result: 5,
      task_id: 'x',
      children,
      date_done: '2026-01-02T03:04:05.5',
    })
    assert.deepEqual(read.children, ['a', 'b', 'c', 'd'])
    assert.equal(read.dateDone?.toISOString(), '2026-01-02T03:04:05.500Z')
  })

  it('carry the traceback of their error', () => {
    const result = { type: 'E', details: [], module: undefined, traceback: 'at line 1' }
    const wire = encodeTaskMeta({ taskId: '1', status: 'FAILURE', result })
    assert.equal(wire['traceback'], 'at line 1')
    assert.deepEqual(decodeTaskMeta(wire).result, result)
  })

  const least = { status: 'SUCCESS', result: 1, task_id: 'x' }
  for (const [wrong, message] of [
    [[], /must be an object, got a list of 0/],
    [{ ...least, task_id: undefined }, /a text as task_id, got nothing/],
    [{ ...least, status: 5 }, /a text as status, got 5/],
    [{ ...least, traceback: {} }, /a text or null as traceback/],
    [{ ...least, date_done: 'now' }, /as date_done, got "now"/],
    [{ ...least, children: 'x' }, /a list of result tuples, got "x"/],
    [{ ...least, children: [[7, null]] }, /children must hold/],
    [{ ...least, children: [[[7, null], null]] }, /the id of a task, got 7/],
  ] as const) {
    it(`are refused as ${JSON.stringify(wrong)}`, () => {
      assert.throws(() => decodeTaskMeta(wrong), { name: 'DecodeError', message })
    })
  }

  it('give a meta or a DecodeError, whatever they hold', () => {
    const keys = [
      'status',
      'result',
      'traceback',
      'children',
      'date_done',
      'group_id',
      'parent_id',
      'name',
      'retries',
      'stamped_headers',
    ]
    const anything = fc.record(
      { ...Object.fromEntries(keys.map((key) => [key, fc.oneof(fc.string(), value)])), task_id: fc.constant('x') },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(anything, (wire) => {
        try {
          decodeTaskMeta(wire)
        } catch (error) {
          assert.ok(error instanceof DecodeError, String(error))
        }
      }),
      { numRuns: 500 },
    )
  })

  it('survive children nested without end', () => {
    let children: unknown = null
    for (let level = 0; level < 10_000; level++) children = [[['g', null], children]]
    assert.throws(() => decodeTaskMeta({ ...least, children }), DecodeError)
  })
})
