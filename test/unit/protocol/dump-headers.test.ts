import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { dumpHeaders } from '../../../src/protocol/dump-headers.ts'
import { encodeTaskHeaders, type TaskHeaders } from '../../../src/protocol/task-message.ts'
import { dumpJson } from '../../../src/protocol/typed-json.ts'

const plain: TaskHeaders = {
  task: 'demo.add',
  id: 'id',
  rootId: 'id',
  parentId: undefined,
  group: undefined,
  groupIndex: undefined,
  retries: 0,
  eta: undefined,
  expires: undefined,
  hardTimeLimit: undefined,
  softTimeLimit: undefined,
  shadow: undefined,
  argsRepr: '(1, 2)',
  kwargsRepr: '{}',
  origin: 'gen1@host',
  ignoreResult: false,
  replacedTaskNesting: 0,
  stampedHeaders: undefined,
  stamps: {},
  custom: {},
}

const text = fc.string({ unit: 'binary' })
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })
const changes: fc.Arbitrary<Partial<TaskHeaders>> = fc.record(
  {
    task: text,
    id: text,
    rootId: maybe(text),
    parentId: maybe(text),
    group: maybe(text),
    groupIndex: maybe(fc.nat()),
    retries: fc.nat(),
    eta: maybe(fc.constant(new Date(0))),
    hardTimeLimit: maybe(fc.nat()),
    argsRepr: maybe(text),
    kwargsRepr: maybe(text),
    origin: maybe(text),
    ignoreResult: maybe(fc.boolean()),
    replacedTaskNesting: fc.nat(2),
    stampedHeaders: maybe(fc.constant(['a'])),
    stamps: fc.dictionary(text, text, { maxKeys: 1 }),
    custom: fc.constantFrom({}, { mine: 'x' }),
  },
  { requiredKeys: [] },
)

describe('headers as JSON', () => {
  it('are written as all JSON is, whatever the call', () => {
    fc.assert(
      fc.property(changes, (changed) => {
        const headers = encodeTaskHeaders({ ...plain, ...changed })
        assert.equal(dumpHeaders(headers), dumpJson(headers))
      }),
    )
  })

  it('are written so also where a signal has changed them', () => {
    const wire = encodeTaskHeaders(plain)
    for (const headers of [
      { ...wire, compression: 'gzip' },
      { ...wire, id: undefined },
      { ...wire, retries: 1.5 },
      { ...wire, stamps: new Map() },
      { ...wire, timelimit: [null] },
      Object.fromEntries(Object.entries(wire).slice(1)),
    ]) {
      const [expected, got] = [dumpJson, dumpHeaders].map((dump) => {
        try {
          return dump(headers)
        } catch (error) {
          return String(error)
        }
      })
      assert.equal(got, expected)
    }
  })
})
