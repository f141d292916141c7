import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EventWriter, type EventToWrite } from '../../../src/events/event-writer.ts'
import { failedFields, idField, type Pieces } from '../../../src/protocol/event-message.ts'

interface Written {
  readonly hostname: string
  readonly type: string
  readonly timestamp: number
  readonly clock: number
  readonly uuid: string
}

const timestampMs = 1_795_163_350_573

function started(clock: number): EventToWrite {
  return {
    type: 'task-started',
    clock,
    timestampMs: timestampMs + clock,
    write: idField,
    subject: `"é${clock}"`,
    more: undefined,
  }
}

function failed(clock: number, traceback: string): EventToWrite {
  const error = { type: 'Error', details: [], module: undefined, traceback }
  const write = (into: Pieces, uuid: string): void => failedFields(into, uuid, error)
  return { type: 'task-failed', clock, timestampMs, write, subject: '"a"', more: undefined }
}

function read(lists: Iterable<string>): Written[][] {
  return [...lists].map((list) => JSON.parse(list) as Written[])
}

describe('an event writer', () => {
  it('writes one event as an object', () => {
    const { hostname, type, timestamp, clock, uuid } = JSON.parse(new EventWriter('ä@h').object(started(7))) as Written
    assert.deepEqual([hostname, type, timestamp, clock, uuid], ['ä@h', 'task-started', 1_795_163_350.58, 7, 'é7'])
  })

  it('writes many in lists of some 64 KB, in their order, each with its own time', () => {
    const events = Array.from({ length: 1000 }, (_, clock) => started(clock))
    const lists = [...new EventWriter('w@h').lists(events)]
    assert.ok(lists.length > 1)
    assert.ok(lists.every(({ length }) => length < 66_000))
    const written = read(lists).flat()
    assert.deepEqual(
      written.map(({ clock, uuid, timestamp }) => [clock, uuid, timestamp]),
      events.map(({ clock }) => [clock, `é${clock}`, (timestampMs + clock) / 1000]),
    )
  })

  it('closes a list early where events are long, and writes none of no events', () => {
    const long = 'x'.repeat(16_000)
    const events = Array.from({ length: 10 }, (_, clock) => failed(clock, long))
    assert.deepEqual(
      read(new EventWriter('w@h').lists(events)).map(({ length }) => length),
      [5, 5],
    )
    assert.deepEqual(read(new EventWriter('w@h').lists([])), [])
  })
})
