import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EventDump } from '../../../src/cli/event-dump.ts'
import { Rates } from '../../../src/cli/monitor/rates.ts'
import { drawScreen, type Picture } from '../../../src/cli/monitor/screen.ts'
import { afterKey, firstView, type Action, type View } from '../../../src/cli/monitor/view.ts'
import { ClusterState } from '../../../src/events/cluster-state.ts'
import { eventMessage } from '../../../src/protocol/event-message.ts'
import type { ClusterEvent } from '../../../src/protocol/cluster-event.ts'
import { decodeEvent, readEvents } from '../../../src/protocol/read-events.ts'

const nowMs = 1_795_163_350_000
let clock = 0

function event(type: string, fields: Record<string, unknown> = {}): ClusterEvent {
  const wire = { type, hostname: 'w1@h', timestamp: nowMs / 1000, clock: ++clock, ...fields }
  const [read] = readEvents(eventMessage('w1@h', JSON.stringify(wire)))
  assert.ok(read)
  return decodeEvent(read, wire.clock, nowMs)
}

/** Three tasks `t1` to `t3`, `t3` the newest. */
function someState(): ClusterState {
  const state = new ClusterState()
  state.apply(
    event('worker-heartbeat', { freq: 2, active: 1, processed: 7, loadavg: [0.5, 0, 0], sw_ident: 'celeriac' }),
  )
  for (const uuid of ['t1', 't2', 't3']) {
    state.apply(event('task-received', { uuid, name: 'shop.mail', args: '(1,)', kwargs: '{}' }))
  }
  state.apply(event('task-failed', { uuid: 't1', exception: "ValueError('\u001B[2J')", traceback: 'one\ntwo' }))
  return state
}

function picture(view: Partial<View> = {}, changes: Partial<Picture> = {}): Picture {
  return {
    state: someState(),
    view: { ...firstView, ...view },
    rates: { events: 4.5, succeeded: 2, failed: 0.5 },
    size: { columns: 120, rows: 12 },
    broker: 'redis://localhost',
    nowMs,
    ...changes,
  }
}

/** The view after keys, and what they asked for. */
function typed(state: ClusterState, ...keys: readonly string[]): { view: View; actions: Action[] } {
  let view = firstView
  const actions: Action[] = []
  for (const key of keys) {
    const step = afterKey(view, key, state, 5)
    view = step.view
    if (step.action) actions.push(step.action)
  }
  return { view, actions }
}

describe('the screen of celeriac events', () => {
  it('shows workers, tasks and rates, and fills the terminal exactly', () => {
    for (const [columns, rows] of [
      [120, 12],
      [80, 24],
      [40, 8],
    ] as const) {
      const lines = drawScreen(picture({}, { size: { columns, rows } }))
      assert.equal(lines.length, rows)
      assert.ok(lines.every((line) => line.length <= columns))
    }
    const lines = drawScreen(picture())
    assert.match(lines[0] ?? '', /workers 1\/1 +tasks 3 +events 4\.5\/s +succeeded 2\.0\/s +failed 0\.5\/s/)
    assert.match(lines.join('\n'), /w1@h +online +1 +7 +0\.50 +celeriac/)
    assert.match(lines.join('\n'), /t1 +shop\.mail +w1@h +\d\d:\d\d:\d\d FAILURE/)
  })

  it('tells a worker that is silent from one that lives', () => {
    const lines = drawScreen(picture({}, { nowMs: nowMs + 60_000 }))
    assert.match(lines.join('\n'), /workers 0\/1[\s\S]*w1@h +offline/)
  })

  it('shows what is known of a task, and lets nothing steer the terminal', () => {
    const shown = (page: View['page']): string => drawScreen(picture({ page, selected: 't1' })).join('\n')
    assert.match(shown('info'), /name +shop\.mail/)
    assert.match(shown('result'), /ValueError\('\\u001b\[2J'\)/)
    assert.match(shown('traceback'), /one\ntwo/)
    assert.ok(!shown('info').includes('\u001B'))
    assert.match(shown('help'), /revoke/)
  })

  it('paints states, and the line at the cursor', () => {
    const lines = drawScreen(picture({ selected: 't2' }, { paint: (look, text) => `<${look}>${text}` }))
    assert.ok(lines.some((line) => line.startsWith('<cursor>t2')))
    assert.ok(lines.some((line) => line.startsWith('<bad>t1')))
  })

  it('moves the cursor, and stays at the newest task until it is moved', () => {
    const state = someState()
    assert.equal(typed(state).view.selected, undefined)
    assert.equal(typed(state, 'down').view.selected, state.tasks()[1]?.taskId)
    assert.equal(typed(state, 'end').view.selected, state.tasks()[2]?.taskId)
    assert.equal(typed(state, 'j', 'j', 'j', 'k').view.selected, state.tasks()[1]?.taskId)
    assert.equal(typed(state, 'down', 'up', 'up').view.selected, undefined)
    assert.equal(typed(new ClusterState(), 'down', 'i').view.page, 'list')
  })

  it('revokes only when it is confirmed', () => {
    const state = someState()
    const newest = state.tasks()[0]?.taskId
    assert.deepEqual(typed(state, 'c', 'y').actions, [{ kind: 'revoke', taskId: newest, terminate: false }])
    assert.deepEqual(typed(state, 'c', 't').actions, [{ kind: 'revoke', taskId: newest, terminate: true }])
    assert.deepEqual(typed(state, 'c', 'n', 'c', 'escape').actions, [])
  })

  it('limits the rate that is typed', () => {
    const state = someState()
    assert.deepEqual(typed(state, 'l', '1', '1', 'backspace', '0', '/', 'm', 'return').actions, [
      { kind: 'rateLimit', taskName: 'shop.mail', rate: '10/m' },
    ])
    assert.deepEqual(typed(state, 'l', 'return', 'l', '5', 'escape').actions, [])
    assert.match(
      drawScreen(picture({ asking: { what: 'rate', typed: '10/' } })).at(-1) ?? '',
      /rate limit of shop\.mail.*10\/$/,
    )
  })

  it('shows how long a task ran without digits that nobody measured', () => {
    const state = someState()
    state.apply(event('task-succeeded', { uuid: 't3', result: '40', runtime: 0.000042 }))
    const shown = drawScreen(picture({ page: 'info', selected: 't3' }, { state, size: { columns: 120, rows: 30 } }))
    assert.ok(
      shown.some((line) => /^runtimeMs +0\.042\s*$/.test(line)),
      shown.join('\n'),
    )
  })

  it('ends with q, and with Ctrl-C wherever one is', () => {
    const state = someState()
    assert.deepEqual(typed(state, 'q').actions, [{ kind: 'quit' }])
    assert.deepEqual(typed(state, 'i', 'ctrl-c').actions, [{ kind: 'quit' }])
    assert.deepEqual(typed(state, 'i', 'q').actions, [])
  })

  it('counts events a second over the last ten', () => {
    const state = new ClusterState()
    const rates = new Rates()
    rates.sample(state, 0)
    for (let n = 0; n < 20; n++) state.apply(event('task-succeeded', { uuid: `t${n}` }))
    assert.deepEqual(rates.sample(state, 10_000), { events: 2, succeeded: 2, failed: 0 })
    assert.equal(rates.sample(state, 25_000).events, 0)
  })
})

describe('celeriac events --dump', () => {
  it('writes lines as Celery does, with the task once it is known', () => {
    const dump = new EventDump()
    const lines = [
      event('worker-online', { freq: 2 }),
      event('task-received', { uuid: 'a', name: 'shop.mail', args: '(1,)', kwargs: '{}', retries: 0 }),
      event('task-succeeded', { uuid: 'a', result: "'x'", runtime: 0.5 }),
      event('task-started', { uuid: 'b' }),
      event('order-paid', { order: { id: 7 } }),
    ].map((each) => dump.line(each).replace(/clock=\d+/, 'clock=N'))
    const at = `[${new Date(nowMs).toISOString()}]`
    assert.deepEqual(lines, [
      `w1@h ${at} started: clock=N, freq=2`,
      `w1@h ${at} task received: shop.mail(a) args=(1,) kwargs={} clock=N, retries=0`,
      `w1@h ${at} task succeeded: shop.mail(a) args=(1,) kwargs={} clock=N, result='x', runtime=0.5`,
      `w1@h ${at} task started: b clock=N`,
      `w1@h ${at} order paid: clock=N, order={"id":7}`,
    ])
  })
})
