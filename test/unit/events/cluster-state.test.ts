import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ClusterState } from '../../../src/events/cluster-state.ts'
import { isAlive } from '../../../src/events/worker-snapshot.ts'
import { eventMessage } from '../../../src/protocol/event-message.ts'
import type { ClusterEvent } from '../../../src/protocol/cluster-event.ts'
import { decodeEvent, readEvents } from '../../../src/protocol/read-events.ts'
import { captureText } from '../protocol/captures.ts'

let clock = 0

function event(type: string, fields: Record<string, unknown> = {}, receivedAtMs = 1000): ClusterEvent {
  const wire = { type, hostname: 'w1@h', timestamp: receivedAtMs / 1000, ...fields }
  const [read] = readEvents(eventMessage('w1@h', JSON.stringify(wire)))
  assert.ok(read)
  return decodeEvent(read, Number(fields['clock'] ?? ++clock), receivedAtMs)
}

function stateAfter(...events: readonly ClusterEvent[]): ClusterState {
  const state = new ClusterState()
  for (const each of events) state.apply(each)
  return state
}

const introduction = { uuid: 'a', name: 'demo.add', args: '(2, 3)', kwargs: '{}', retries: 0 }

describe('the state of a cluster', () => {
  it('follows a task through its life', () => {
    const task = stateAfter(
      event('task-sent', { ...introduction, hostname: 'gen1@h', queue: 'celery' }),
      event('task-received', introduction),
      event('task-started', { uuid: 'a' }, 2000),
      event('task-succeeded', { uuid: 'a', result: '5', runtime: 0.25 }, 3000),
    ).task('a')
    assert.ok(task)
    assert.deepEqual([task.state, task.result, task.runtimeMs, task.timestampMs], ['SUCCESS', '5', 250, 3000])
    assert.deepEqual([task.name, task.worker, task.client, task.queue], ['demo.add', 'w1@h', 'gen1@h', 'celery'])
    assert.deepEqual(task.at['task-started'], 2000)
  })

  it('is not set back by events that come late, and takes from them what it did not know', () => {
    const late = [
      event('task-received', introduction),
      event('task-sent', introduction),
      event('task-started', { uuid: 'a' }),
    ]
    for (const ending of ['task-succeeded', 'task-failed', 'task-revoked']) {
      const task = stateAfter(event(ending, { uuid: 'a' }), ...late).task('a')
      assert.deepEqual(
        [task?.state, task?.name],
        [stateAfter(event(ending, { uuid: 'a' })).task('a')?.state, 'demo.add'],
      )
    }
  })

  it('lets a retry begin again', () => {
    const first = [event('task-received', introduction), event('task-started', { uuid: 'a' })]
    const state = stateAfter(...first, event('task-retried', { uuid: 'a', exception: "ValueError('x')" }))
    assert.equal(state.task('a')?.state, 'RETRY')
    state.apply(event('task-received', { ...introduction, retries: 1 }))
    assert.deepEqual([state.task('a')?.state, state.task('a')?.retries], ['RECEIVED', 1])
  })

  it('knows a worker as alive for two of its heartbeats, and every event of a task is a sign of life', () => {
    const state = stateAfter(event('worker-heartbeat', { freq: 2, active: 1, sw_ident: 'py-celery' }, 10_000))
    assert.deepEqual(
      [13_999, 14_000].map((now) => state.aliveWorkers(now).length),
      [1, 0],
    )
    state.apply(event('task-started', { uuid: 'a' }, 15_000))
    assert.equal(state.aliveWorkers(18_999).length, 1)
    assert.deepEqual([state.worker('w1@h')?.swIdent, state.worker('w1@h')?.active], ['py-celery', 1])
    state.apply(event('worker-offline', {}, 16_000))
    assert.equal(state.aliveWorkers(16_001).length, 0)
  })

  it('is not misled by what workers gossip, custom events, or senders of tasks', () => {
    const state = stateAfter(
      event('worker-elect', { id: 'x', topic: 'task', action: {}, cver: 1 }),
      event('order-paid', { hostname: 'gen7@h' }),
      event('task-sent', { ...introduction, hostname: 'gen7@h' }),
      event('task-progress', { uuid: 'b', hostname: 'gen7@h' }),
    )
    assert.deepEqual(
      state.workers().map(({ hostname }) => hostname),
      ['w1@h'],
    )
    assert.equal(state.task('b'), undefined)
  })

  it('keeps the last tasks and workers, and no more', () => {
    const state = new ClusterState({ maxTasks: 10, maxWorkers: 3 })
    for (let n = 0; n < 100; n++) state.apply(event('task-received', { uuid: `t${n}`, hostname: `w${n}@h` }))
    assert.deepEqual([state.tasks().length, state.workers().length], [10, 3])
    assert.equal(state.tasks()[0]?.taskId, 't99')
    assert.equal(state.task('t0'), undefined)
  })

  it('puts tasks of one moment in the order of the logical clock, the newest first', () => {
    const state = stateAfter(
      event('task-received', { uuid: 'late', clock: 7 }),
      event('task-received', { uuid: 'early', clock: 3 }),
      event('task-received', { uuid: 'last', clock: 9 }),
    )
    assert.deepEqual(
      state.tasks().map(({ taskId }) => taskId),
      ['last', 'late', 'early'],
    )
    assert.deepEqual(
      state.tasks({ state: 'RECEIVED', limit: 1 }).map(({ taskId }) => taskId),
      ['last'],
    )
  })

  it('puts tasks of several workers in the order of their times: the logical clock of a busy one is far ahead', () => {
    const state = stateAfter(
      event('task-received', { uuid: 'busy', hostname: 'busy@h', clock: 90_000 }, 1000),
      event('task-received', { uuid: 'quiet', hostname: 'quiet@h', clock: 5 }, 2000),
    )
    assert.deepEqual(
      state.tasks().map(({ taskId }) => taskId),
      ['quiet', 'busy'],
    )
  })

  it('reads all that a worker of Celery told', () => {
    const state = new ClusterState()
    for (const each of readEvents(eventMessage('', captureText('events_stream.json')))) {
      state.apply(decodeEvent(each, Number(each['clock']), each.timestamp * 1000))
    }
    assert.equal(state.countOf('custom'), 0)
    assert.deepEqual(Object.fromEntries(state.countByState()), expectedOfStream)
    assert.deepEqual(
      state.workers().map(({ hostname, swIdent }) => [hostname, swIdent]),
      [['w1@vm', 'py-celery']],
    )
    assert.ok(state.taskNames().includes('wapp.add'))
  })

  it('tells no lie about a worker that it knows from its tasks only', () => {
    const worker = stateAfter(event('task-started', { uuid: 'a' }, 1000)).worker('w1@h')
    assert.ok(worker)
    assert.deepEqual([worker.active, worker.freq], [undefined, 60])
    assert.equal(isAlive(worker, 100_000), true)
  })
})

/** What Celery's own state makes of the same events. */
const expectedOfStream = { SUCCESS: 25, FAILURE: 7, STARTED: 2, REVOKED: 2, RECEIVED: 1 }
