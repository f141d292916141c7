import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  eventMessage,
  eventHead,
  eventPrefix,
  eventRoutingKey,
  failedFields,
  idField,
  receivedFields,
  rejectedFields,
  revokedFields,
  sentFields,
  succeededFields,
  workerFields,
  type Pieces,
} from '../../../src/protocol/event-message.ts'
import type { ClusterEvent } from '../../../src/protocol/cluster-event.ts'
import { decodeEvent, readEvents } from '../../../src/protocol/read-events.ts'
import { readTask } from '../../../src/protocol/task-message.ts'
import { rawMessage } from '../../support/worker-harness.ts'
import { captureText } from './captures.ts'

interface Captured {
  readonly channel: string
  readonly event: Readonly<Record<string, unknown>>
}

const byType = JSON.parse(captureText('events_by_type.json')) as Record<string, Captured[]>
const others = JSON.parse(captureText('events_rejected_offline.json')) as Captured[]

/** As a Python worker sent it. */
function captured(type: string): Captured {
  const found = byType[type]?.[0] ?? others.find(({ event }) => event['type'] === type)
  assert.ok(found, `there is no capture of ${type}`)
  return found
}

const headers = readTask(rawMessage({ headers: { task: 'demo.add', argsrepr: '(2, 3)', kwargsrepr: '{}' } }), () => [
  [],
  {},
  {},
]).headers
const thrown = { type: 'ValueError', details: ['boom', 42], module: 'builtins', traceback: 'Traceback …' }
const figures = {
  freq: 2,
  load: { active: 0, processed: 9, loadavg: [0.32, 0.67, 0.61] },
  version: '1',
  system: 'Linux',
}
const fieldsOf: Readonly<Record<string, (into: Pieces) => void>> = {
  'worker-heartbeat': (into) => workerFields(into, figures),
  'worker-offline': (into) => workerFields(into, figures),
  'task-sent': (into) => sentFields(into, { id: 'a', task: 'demo.add', root_id: 'a' }, 'celery'),
  'task-received': (into) => receivedFields(into, '"a"', headers, headers),
  'task-started': (into) => idField(into, '"a"'),
  'task-succeeded': (into) => succeededFields(into, '"a"', { resultRepr: '5', runtimeMs: 17.1 }),
  'task-failed': (into) => failedFields(into, '"a"', thrown),
  'task-retried': (into) => failedFields(into, '"a"', thrown),
  'task-revoked': (into) => revokedFields(into, '"a"', { terminated: true, signum: 15, expired: false }),
  'task-rejected': (into) => rejectedFields(into, '"a"', false),
}

function written(type: string, write: (into: Pieces) => void): Record<string, unknown> {
  const pieces = ['{', eventHead(eventPrefix('w@h', 7), type, 1_795_163_350_573), '3']
  write(pieces)
  return JSON.parse(`${pieces.join('')}}`) as Record<string, unknown>
}

function sent(type: string): Record<string, unknown> {
  return written(type, fieldsOf[type] ?? assert.fail(type))
}

function decoded(type: string): ClusterEvent {
  const [event] = readEvents(eventMessage('w@h', JSON.stringify(captured(type).event)))
  assert.ok(event)
  return decodeEvent(event, 35, 1000)
}

describe('events', () => {
  for (const type of Object.keys(fieldsOf)) {
    it(`of type ${type} have the fields of Celery's, of the same types`, () => {
      const { event, channel } = captured(type)
      assert.deepEqual(Object.keys(sent(type)).toSorted(), Object.keys(event).toSorted())
      for (const [name, value] of Object.entries(sent(type))) {
        if (value === null || event[name] === null) continue
        assert.equal(typeof value, typeof event[name], `${name}: ${JSON.stringify(value)}`)
      }
      const key = channel.split('/').at(-1)
      assert.ok(key === 'task.multi' || key === eventRoutingKey(type), key)
    })
  }

  it('tell all of a call with options, and run times in seconds', () => {
    const argsRepr = '("é\\n",)'
    const eta = new Date('2030-01-02T03:04:05.678Z')
    const received = written('task-received', (into) =>
      receivedFields(
        into,
        '"a"',
        { ...headers, id: 'a', rootId: 'r', parentId: 'p', retries: 2, eta },
        { argsRepr, kwargsRepr: "{'x': 1}" },
      ),
    )
    const { root_id: rootId, parent_id: parentId, retries, eta: shownEta, args, kwargs, timestamp } = received
    assert.deepEqual([rootId, parentId, retries, args, kwargs], ['r', 'p', 2, argsRepr, "{'x': 1}"])
    assert.deepEqual([shownEta, timestamp], ['2030-01-02T03:04:05.678+00:00', 1_795_163_350.573])
    for (const runtimeMs of [0, 0.0004, 17.1, 86_400_000]) {
      const outcome = { resultRepr: '', runtimeMs }
      const { runtime } = written('task-succeeded', (into) => succeededFields(into, '"a"', outcome))
      assert.ok(Math.abs((runtime as number) * 1000 - runtimeMs) < 0.001, String(runtime))
    }
  })

  it('of failures show the exception as Python does', () => {
    const shown = (details: unknown[]): unknown =>
      written('task-failed', (into) => failedFields(into, '"a"', { ...thrown, details }))['exception']
    assert.equal(shown(['boom', 42]), "ValueError('boom', 42)")
    assert.equal(shown(['x']), "ValueError('x')")
    assert.equal(shown([]), 'ValueError()')
  })

  it('are read from one object or from a list', () => {
    const event = { type: 'task-started', hostname: 'w@h', timestamp: 1.5, clock: 3, uuid: 'a' }
    const read = (body: unknown): number => readEvents(eventMessage('w@h', JSON.stringify(body))).length
    assert.deepEqual([read(event), read([event, event]), read([])], [1, 2, 0])
  })

  it('that are none are left out, and stop nobody', () => {
    const bodies = [
      '',
      '{',
      'null',
      '7',
      '[[]]',
      '{"type":"x"}',
      '[{"type":1,"hostname":"h","timestamp":1}]',
      '{"a":NaN}',
    ]
    for (const body of bodies) assert.deepEqual(readEvents(eventMessage('w@h', body)), [], body)
    assert.deepEqual(readEvents({ ...eventMessage('w@h', ''), body: new Uint8Array([0xff, 0]) }), [])
  })

  it('are decoded with the names and units of ours', () => {
    const worker = decoded('worker-heartbeat')
    assert.ok(worker.type === 'worker-heartbeat')
    assert.deepEqual([worker.swIdent, worker.freq, worker.active, worker.clock], ['py-celery', 2, 0, 35])
    const succeeded = decoded('task-succeeded')
    assert.ok(succeeded.type === 'task-succeeded')
    assert.equal(succeeded.result, '5')
    assert.ok(Math.abs((succeeded.runtimeMs ?? 0) - 17.103) < 0.01)
    const received = decoded('task-received')
    assert.ok(received.type === 'task-received')
    assert.deepEqual([received.name, received.args, received.parentId], ['wapp.add', '(2, 3)', undefined])
  })

  it('of a kind that Celery does not have, and those that its workers gossip, are custom', () => {
    const base = { hostname: 'w@h', timestamp: 1, clock: 3 }
    for (const type of ['order-paid', 'worker-elect', 'worker-elect-ack', 'task-progress']) {
      const [event] = readEvents(eventMessage('w@h', JSON.stringify({ ...base, type, uuid: 'a', id: 7 })))
      assert.ok(event)
      const custom = decodeEvent(event, 3, 1000)
      assert.ok(custom.type === 'custom')
      assert.deepEqual([custom.customType, custom.taskId, custom.wire['id']], [type, 'a', 7])
    }
  })
})
