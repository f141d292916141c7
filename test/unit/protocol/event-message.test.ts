import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  eventMessage,
  eventPrefix,
  eventRoutingKey,
  eventText,
  failedFields,
  idField,
  receivedFields,
  rejectedFields,
  revokedFields,
  sentFields,
  succeededFields,
  workerFields,
} from '../../../src/protocol/event-message.ts'
import { decodeEvent, readEvents, type ClusterEvent } from '../../../src/protocol/read-events.ts'
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
const written: Readonly<Record<string, string>> = {
  'worker-heartbeat': workerFields(figures),
  'worker-offline': workerFields(figures),
  'task-sent': sentFields({ id: 'a', task: 'demo.add', root_id: 'a' }, 'celery'),
  'task-received': receivedFields('"a"', headers, headers),
  'task-started': idField('"a"'),
  'task-succeeded': succeededFields('"a"', { resultRepr: '5', runtimeMs: 17.1 }),
  'task-failed': failedFields('"a"', thrown),
  'task-retried': failedFields('"a"', thrown),
  'task-revoked': revokedFields('"a"', { terminated: true, signum: 15, expired: false }),
  'task-rejected': rejectedFields('"a"', false),
}

function sent(type: string): Record<string, unknown> {
  return JSON.parse(eventText(eventPrefix('w@h', 7), 3, written[type] ?? '', '1795163350.573', type)) as Record<
    string,
    unknown
  >
}

function decoded(type: string): ClusterEvent {
  const [event] = readEvents(eventMessage('w@h', JSON.stringify(captured(type).event)))
  assert.ok(event)
  return decodeEvent(event, 35, 1000)
}

describe('events', () => {
  for (const type of Object.keys(written)) {
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

  it('of failures show the exception as Python does', () => {
    const shown = (details: unknown[]): unknown =>
      (JSON.parse(`{${failedFields('"a"', { ...thrown, details })}"type":""}`) as { readonly exception: unknown })
        .exception
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
