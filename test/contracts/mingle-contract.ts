import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Worker, type Celeriac, type WorkerOptions } from '../../src/index.ts'
import { decodeControlRequest, encodeControlReply } from '../../src/protocol/control-message.ts'
import { openHarness, type Harness, type Store } from '../support/worker-harness.ts'

const [older, newer] = ['older@here', 'newer@here'] as const

/** A call that one worker alone was told to be revoked: what is for some workers is not retained. */
async function revokedAtOlder(harness: Harness): Promise<string> {
  const { app } = harness
  await harness.startWorker({ name: older, queues: ['unused'] })
  const { id } = await app.send('demo.note', ['revoked'])
  await app.control.revoke(id, { destination: older, reply: true, timeout: 20 })
  return id
}

/** What runs in an app of its own, as in a process of its own. */
async function startNewer(app: Celeriac, options: WorkerOptions = {}): Promise<AsyncDisposable & { ran: string[] }> {
  const ran: string[] = []
  app.task('demo.note', (text: string) => void ran.push(text))
  const worker = new Worker(app, { name: newer, concurrency: 1, ...options })
  const stopped = worker.run()
  await Promise.race([worker.ready, stopped])
  const stop = async (): Promise<void> => {
    worker.stop('cold')
    await stopped
  }
  return { ran, [Symbol.asyncDispose]: stop }
}

/** What a worker learns from others at its start, on any store. */
export function describeMingle(store: Store): void {
  describe(`a worker that starts, on ${store.name}`, () => {
    it('takes over what others know to be revoked, and their logical time, before it takes tasks', async () => {
      await using harness = await openHarness(store)
      const id = await revokedAtOlder(harness)
      harness.app.clock.adjust(5000)
      const app = harness.anotherApp()
      await using started = await startNewer(app)
      await (await harness.app.send('demo.note', ['free'])).get({ timeout: '25s' })
      assert.deepEqual(started.ran, ['free'])
      const inspect = app.control.inspect({ destination: newer, timeout: 20 })
      assert.deepEqual((await inspect.revoked()).get(newer), [id])
      assert.ok(app.clock.value > 5000)
    })

    it('hears all, also of a process that has several workers', async () => {
      await using harness = await openHarness(store)
      const names = ['first@here', 'second@here', 'third@there'] as const
      const there = harness.anotherApp()
      for (const name of names.slice(0, 2)) await harness.startWorker({ name, queues: ['unused'] })
      await using _third = await startNewer(there, { name: names[2], queues: ['unused'] })
      for (const name of names)
        await harness.app.control.revoke(`by ${name}`, { destination: name, reply: true, timeout: 20 })
      const app = harness.anotherApp()
      await using _ = await startNewer(app)
      const inspect = app.control.inspect({ destination: newer, timeout: 20 })
      const revoked = (await inspect.revoked()).get(newer) ?? []
      assert.deepEqual(revoked.toSorted(), names.map((name) => `by ${name}`).toSorted())
    })

    it('is told what it does not know, and no more', async () => {
      await using harness = await openHarness(store)
      const { control } = harness.app
      await harness.startWorker({ name: older })
      const only = { destination: older, reply: true, timeout: 20 }
      await control.revoke(['a', 'b'], only)
      const inspect = control.inspect({ destination: older, timeout: 20 })
      assert.deepEqual((await inspect.hello(newer, ['b', 'c'])).get(older)?.revoked, ['a'])
      assert.deepEqual((await inspect.revoked()).get(older)?.toSorted(), ['a', 'b', 'c'])
      assert.match([...(await inspect.hello(newer, [7] as never)).errors.values()].join(), /ValueError/)
    })

    it('asks nobody where it is told so', async () => {
      await using harness = await openHarness(store)
      await revokedAtOlder(harness)
      await using started = await startNewer(harness.anotherApp(), { withoutMingle: true })
      await (await harness.app.send('demo.note', ['free'])).get({ timeout: '25s' })
      assert.deepEqual(started.ran, ['revoked', 'free'])
    })

    it('waits for nobody when it is alone, with and without remote control', async () => {
      for (const workerEnableRemoteControl of [true, false]) {
        const starts: number[] = []
        for (let round = 0; round < 3; round++) {
          await using harness = await openHarness(store, { workerEnableRemoteControl })
          const begin = performance.now()
          await using _ = await startNewer(harness.app)
          starts.push(performance.now() - begin)
        }
        // It would wait for a second.
        assert.ok(Math.min(...starts) < 900, starts.join(', '))
      }
    })

    it('tells those that it asks what it knows itself, and waits a second for one that does not answer', async () => {
      await using harness = await openHarness(store)
      await harness.app.control.revoke('retained')
      const heard: { readonly from_node?: unknown; readonly revoked?: object }[] = []
      await using broker = await harness.anotherApp().openBroker()
      await broker.listen('control', (message) => {
        const request = decodeControlRequest(message)
        if (request?.method === 'hello') heard.push(request.arguments)
      })
      const begin = performance.now()
      await using _ = await startNewer(harness.app)
      const tookMs = performance.now() - begin
      assert.ok(tookMs > 900 && tookMs < 4000, String(tookMs))
      const [{ from_node: from, revoked = {} } = {}] = heard
      assert.deepEqual([from, Object.keys(revoked)], [newer, ['retained']])
    })

    it('believes no answer that is malformed, and starts all the same', async () => {
      await using harness = await openHarness(store)
      const odd = [null, 7, 'x', [], {}, { error: 'no' }, { clock: -1 }, { clock: 1e300 }, { clock: 2 ** 53 - 1 }]
      const ids = ['good', 'x', 7, [7], [''], ['good', null], { good: 'x' }, { good: [1.5, 'good'], bad: null }]
      const answers = [...odd, ...ids.map((revoked) => ({ clock: 9000, revoked }))]
      await using broker = await harness.anotherApp().openBroker()
      await broker.listen('control', (message) => {
        const { method, replyTo, ticket } = decodeControlRequest(message) ?? {}
        if (method !== 'hello' || !replyTo) return
        const value = Object.fromEntries(answers.map((answer, index) => [`odd${index}@there`, answer]))
        const reply = encodeControlReply({ node: 'many', value: null }, { ticket, clock: 1 })
        const body = { ...value, 'fine@there': { clock: 300, revoked: { believed: [3.5, 'believed'] } } }
        void broker.broadcast({ ...reply, body: JSON.stringify(body) }, `reply:${replyTo.routingKey}`)
      })
      await using _ = await startNewer(harness.app)
      const inspect = harness.app.control.inspect({ destination: newer, timeout: 20 })
      assert.deepEqual((await inspect.revoked()).get(newer), ['believed'])
      const { value } = harness.app.clock
      assert.ok(value > 300 && value < 9000, String(value))
      const refused = harness.lines.filter(({ level, message }) => level === 'warn' && message.includes('hello'))
      assert.ok(refused.length > 0)
    })
  })
}
