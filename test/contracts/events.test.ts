import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Celeriac, chain, ClusterState, currentTask, Ignore, Reject, type ClusterEvent } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'
import {
  memoryStore,
  openHarness,
  rawMessage,
  redisStore,
  sqliteStore,
  until,
  type Harness,
} from '../support/worker-harness.ts'

const redis = await redisStore()

interface Watched extends AsyncDisposable {
  readonly harness: Harness
  readonly events: ClusterEvent[]
  /** The types of the events of a task, in order. */
  readonly types: (taskId: string) => string[]
  /** Waits for an event of the task. */
  readonly heard: (taskId: string, type: string) => Promise<ClusterEvent>
}

for (const store of [memoryStore, sqliteStore, ...(redis ? [redis] : [])]) {
  async function watch(settings: object = {}): Promise<Watched> {
    const harness = await openHarness(store, settings)
    const events: ClusterEvent[] = []
    const receiver = harness.anotherApp().events.receiver({ handlers: { '*': (event) => void events.push(event) } })
    await receiver.listen()
    const of = (taskId: string): ClusterEvent[] =>
      events.filter((event) => 'taskId' in event && event.taskId === taskId)
    return {
      harness,
      events,
      types: (taskId) => of(taskId).map(({ type }) => type),
      heard: (taskId, type) => until(`${type} of ${taskId}`, () => of(taskId).find((event) => event.type === type)),
      [Symbol.asyncDispose]: async () => {
        await receiver[Symbol.asyncDispose]()
        await harness[Symbol.asyncDispose]()
      },
    }
  }

  describe(`events on ${store.name}`, () => {
    it('tell the life of a task, in order, from the call to the result', async () => {
      await using watched = await watch({ task_send_sent_event: true, worker_send_task_events: true })
      const { harness } = watched
      // No log line shows the result.
      harness.app.setLogger(createLogger({ level: 'silent' }))
      const add = harness.app.task('demo.add', (x: number, y: number) => x + y)
      await harness.startWorker({ name: 'one@h' })
      const { id: taskId } = await add.delay(2, 3)
      const succeeded = await watched.heard(taskId, 'task-succeeded')
      assert.ok(succeeded.type === 'task-succeeded')
      assert.equal(succeeded.result, '5')
      assert.ok((succeeded.runtimeMs ?? -1) >= 0)
      await watched.heard(taskId, 'task-sent')
      assert.deepEqual(
        watched.types(taskId).filter((type) => type !== 'task-sent'),
        ['task-received', 'task-started', 'task-succeeded'],
      )
      const [sent, received] = ['task-sent', 'task-received'].map((type) =>
        watched.events.find((event) => event.type === type),
      )
      assert.ok(sent?.type === 'task-sent' && received?.type === 'task-received')
      assert.deepEqual([sent.name, sent.args, sent.kwargs, sent.queue], ['demo.add', '(2, 3)', '{}', 'celery'])
      assert.match(sent.hostname, /^gen\d+@/)
      assert.deepEqual([received.hostname, received.args, received.rootId], ['one@h', '(2, 3)', taskId])
      assert.ok(received.clock < succeeded.clock)
    })

    it('tell how an attempt ended', async () => {
      await using watched = await watch()
      const { harness, types, heard } = watched
      const { app } = harness
      const boom = app.task('demo.boom', () => {
        throw new RangeError('too far')
      })
      const flaky = app.task('demo.flaky', { maxRetries: 1, retryDelay: 0, autoretryFor: [Error] }, () => {
        if (currentTask().request.retries === 0) throw new Error('not yet')
      })
      const rejected = app.task('demo.reject', () => {
        throw new Reject('no')
      })
      const ignored = app.task('demo.ignore', () => {
        throw new Ignore('no matter')
      })
      const slow = app.task('demo.slow', { timeLimit: '30ms' }, async () => {
        await new Promise((resolve) => setTimeout(resolve, 200))
      })
      const silent = app.task('demo.silent', { sendEvents: false }, () => 1)
      await harness.startWorker({ taskEvents: true })
      const failed = await heard((await boom.delay()).id, 'task-failed')
      assert.ok(failed.type === 'task-failed')
      assert.equal(failed.exception, "RangeError('too far')")
      assert.match(failed.traceback ?? '', /events\.test/)
      const retried = (await flaky.delay()).id
      await heard(retried, 'task-succeeded')
      const once = ['task-received', 'task-started']
      assert.deepEqual(types(retried), [...once, 'task-retried', ...once, 'task-succeeded'])
      const rejection = await heard((await rejected.delay()).id, 'task-rejected')
      assert.ok(rejection.type === 'task-rejected')
      assert.equal(rejection.requeue, false)
      const late = await heard((await slow.delay()).id, 'task-failed')
      assert.ok(late.type === 'task-failed')
      assert.match(late.exception ?? '', /^TimeLimitExceeded\(0\.03\)$/)
      const stillWatched = await ignored.delay()
      await heard(stillWatched.id, 'task-started')
      await (await silent.delay()).get({ timeout: '25s' })
      const unknown = await app.send('demo.nowhere')
      const notRegistered = await heard(unknown.id, 'task-failed')
      assert.ok(notRegistered.type === 'task-failed')
      assert.equal(notRegistered.exception, "NotRegistered('demo.nowhere')")
      assert.deepEqual(types(stillWatched.id), ['task-received', 'task-started'])
      assert.ok(!watched.events.some((event) => event.type === 'task-received' && event.name === 'demo.silent'))
    })

    it('tell of tasks that were revoked, stopped, or came too late', async () => {
      await using watched = await watch()
      const { harness, heard, types } = watched
      const { app } = harness
      const forever = app.task('demo.forever', async () => {
        const { signal } = currentTask()
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        signal.throwIfAborted()
      })
      const add = app.task('demo.add', (x: number) => x)
      const revoked = await add.delay(1)
      await app.revoke(revoked.id)
      const expired = await add.applyAsync([1], { expires: new Date(Date.now() - 1000) })
      await harness.startWorker({ taskEvents: true })
      const running = await forever.delay()
      await heard(running.id, 'task-started')
      await app.revoke(running.id, { terminate: true })
      const how = async (taskId: string): Promise<unknown[]> => {
        const event = await heard(taskId, 'task-revoked')
        return event.type === 'task-revoked' ? [event.terminated, event.signum, event.expired] : []
      }
      assert.deepEqual(await how(revoked.id), [false, undefined, false])
      assert.deepEqual(await how(expired.id), [false, undefined, true])
      assert.deepEqual(await how(running.id), [true, 15, false])
      assert.deepEqual(types(revoked.id), ['task-revoked'])
    })

    it('of a worker say when it begins, that it lives, and when it ends', async () => {
      await using watched = await watch()
      const state = new ClusterState()
      const { worker, stopped } = await watched.harness.startWorker({ name: 'a@h', heartbeatInterval: '20ms' })
      const has = (type: string): ClusterEvent | undefined => watched.events.find((event) => event.type === type)
      const heartbeat = await until('there is a heartbeat', () => has('worker-heartbeat'))
      assert.ok(heartbeat.type === 'worker-heartbeat')
      assert.deepEqual(
        [heartbeat.hostname, heartbeat.swIdent, heartbeat.freq, heartbeat.active, heartbeat.loadavg?.length],
        ['a@h', 'celeriac', 0.02, 0, 3],
      )
      worker.stop()
      await stopped
      await until('it says goodbye', () => has('worker-offline'))
      for (const event of watched.events) state.apply(event)
      assert.deepEqual([watched.events[0]?.type, state.aliveWorkers().length], ['worker-online', 0])
    })

    it('of tasks are not sent unless asked for, those of the worker not without heartbeats', async () => {
      await using watched = await watch()
      const { app } = watched.harness
      const add = app.task('demo.add', (x: number) => x)
      await watched.harness.startWorker({ withoutHeartbeat: true, name: 'quiet@h' })
      await (await add.delay(1)).get({ timeout: '25s' })
      app.events.send('test-over')
      await until('the last event is heard', () => watched.events.length > 0)
      assert.deepEqual(
        watched.events.map(({ type }) => type),
        ['custom'],
      )
    })

    it('of one’s own reach whoever listens, with the name of the worker inside a task', async () => {
      await using watched = await watch()
      const { app } = watched.harness
      const pay = app.task('demo.pay', () => app.events.send('order-paid', { order: 7 }))
      await watched.harness.startWorker({ name: 'shop@h' })
      await pay.delay()
      const paid = await until('it is heard', () => watched.events.find(({ type }) => type === 'custom'))
      assert.ok(paid.type === 'custom')
      assert.deepEqual([paid.customType, paid.hostname, paid.wire['order']], ['order-paid', 'shop@h', 7])
      assert.throws(() => app.events.send('paid'), /<group>-<name>/)
      assert.throws(() => app.events.send('order-paid', { clock: 7 }), /every event has a clock/)
    })

    it('show no argument that is secret, whoever sent it', async () => {
      await using watched = await watch({ worker_send_task_events: true, task_send_sent_event: true })
      const { app } = watched.harness
      const card = '4111111111111111'
      const charge = app.task(
        'demo.charge',
        { secret: ['card', 1], parameters: ['amount', 'card'] },
        (_: number, number: string) => {
          throw new Error(`refused ${number}`)
        },
      )
      const broker = await app.openBroker()
      const foreign = rawMessage({
        headers: { task: 'demo.charge', argsrepr: `(5, '${card}')`, kwargsrepr: '{}' },
        body: JSON.stringify([[5, card], {}, {}]),
      })
      await broker.publish([{ message: foreign, queue: 'celery' }])
      const { id: taskId } = await charge.delay(5, card)
      await watched.harness.startWorker()
      await watched.heard(taskId, 'task-failed')
      await watched.heard(String(foreign.headers['id']), 'task-failed')
      assert.doesNotMatch(JSON.stringify(watched.events), new RegExp(card))
      const received = watched.events.filter((event) => event.type === 'task-received')
      assert.deepEqual(
        received.map(({ args }) => args),
        ["(5, '***')", "(5, '***')"],
      )
    })

    it('are heard by any number of iterations, and captures end at their limit or in silence', async () => {
      await using harness = await openHarness(store)
      const other = harness.anotherApp()
      await using receiver = other.events.receiver({ types: ['custom'] })
      await receiver.listen()
      const seen: unknown[] = []
      const reading = (async () => {
        for await (const event of receiver) {
          seen.push(event.wire['n'])
          if (seen.length === 3) return
        }
      })()
      const captured = receiver.capture({ limit: 2, wakeup: false })
      for (let n = 0; n < 3; n++) harness.app.events.send('test-event', { n })
      await reading
      assert.equal(await captured, 2)
      assert.deepEqual(seen, [0, 1, 2])
      assert.equal(await receiver.capture({ timeout: '20ms', wakeup: false }), 0)
    })

    it('of many tasks at once are all heard, in the order of their clocks', async () => {
      await using watched = await watch({ worker_send_task_events: true })
      const { harness } = watched
      const echo = harness.app.task('demo.echo', (text: string) => text)
      await harness.startWorker({ name: 'one@h', concurrency: 100 })
      const count = 300
      await echo.delayMany(Array.from({ length: count }, (_, index) => [`ä ${index} ${'"'.repeat(300)}`] as const))
      const heard = (type: string): readonly ClusterEvent[] => watched.events.filter((event) => event.type === type)
      await until('all ends', () => heard('task-succeeded').length === count)
      assert.deepEqual([heard('task-received').length, heard('task-started').length], [count, count])
      const clocks = watched.events.filter(({ type }) => type.startsWith('task-')).map(({ clock }) => clock)
      assert.deepEqual(
        clocks,
        clocks.toSorted((a, b) => a - b),
      )
      const [received] = heard('task-received')
      assert.ok(received?.type === 'task-received' && received.args?.startsWith("('ä 0 "), JSON.stringify(received))
    })

    it('that an iteration is too slow for are dropped, and counted', async () => {
      await using harness = await openHarness(store)
      let heard = 0
      await using receiver = harness.app.events.receiver({ maxPending: 8, handlers: { '*': () => void heard++ } })
      const reading = receiver[Symbol.asyncIterator]()
      const first = reading.next()
      await receiver.listen()
      for (let n = 0; n < 60; n += 10) {
        for (let m = 0; m < 10; m++) harness.app.events.send('test-event', { n: n + m })
        await until('all are heard', () => heard === n + 10)
      }
      assert.equal((await first).done, false)
      assert.ok(receiver.dropped > 0 && receiver.dropped < 60)
      const next = await reading.next()
      assert.ok(next.value && Number(next.value.wire['n']) > 40)
    })

    it('follow workflows: what an end of a task sends is told too', async () => {
      await using watched = await watch({ task_send_sent_event: true })
      const { app } = watched.harness
      const add = app.task('demo.add', (x: number, y: number) => x + y)
      await watched.harness.startWorker()
      await (await chain(add.s(1, 2), add.s(3)).delay()).get({ timeout: '25s' })
      const sent = (): ClusterEvent[] => watched.events.filter(({ type }) => type === 'task-sent')
      await until('both calls are told', () => sent().length === 2)
    })
  })
}

describe('the setting event_exchange', { skip: redis ? false : 'there is no Redis' }, () => {
  it('keeps the events of two systems on one Redis apart', async () => {
    await using harness = await openHarness(redis as NonNullable<typeof redis>, { event_exchange: 'shopev' })
    const heard: unknown[] = []
    await using receiver = harness
      .anotherApp()
      .events.receiver({ handlers: { custom: ({ wire }) => heard.push(wire['n']) } })
    await receiver.listen()
    const { url } = harness.app.config.broker
    await using stranger = new Celeriac('stranger', { broker: url })
    stranger.events.send('test-event', { n: 'not ours' })
    await stranger.events.close()
    harness.app.events.send('test-event', { n: 'ours' })
    await until('ours is heard', () => heard.length > 0)
    assert.deepEqual(heard, ['ours'])
  })
})
