import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { currentTask, TaskError } from '../../src/index.ts'
import { memoryStore, openHarness, sqliteStore } from '../support/worker-harness.ts'

const card = '4111111111111111'

for (const store of [memoryStore, sqliteStore]) {
  describe(`an argument marked secret, on ${store.name}`, () => {
    it('reaches the body, and no representation, log line, error or extended result on any attempt', async () => {
      await using harness = await openHarness(store, { result_extended: true })
      const { app } = harness
      const failures: unknown[] = []
      app.on('taskFailure', ({ error }) => void failures.push(error))
      let charged: unknown
      const charge = app.task(
        'demo.charge',
        { parameters: ['amount', 'card', 'holder'], secret: ['card', 2], maxRetries: 1, retryDelay: 0 },
        (amount: number, number: string, holder: { name: string }) => {
          charged = [amount, number, holder.name]
          currentTask().retry({ error: new Error(`the bank refused ${number} of ${holder.name}`) })
        },
      )
      const echo = app.task('demo.echo', { secret: true }, (text: string) => text)
      await harness.startWorker()
      const result = await charge.delay(5, card, { name: 'Ada Lovelace' })
      const byName = await app.send('demo.charge', [7], { kwargs: { card, holder: { name: 'Ada Lovelace' } } })
      for (const each of [result, byName]) {
        await assert.rejects(each.get({ timeout: '5s' }), (error) => {
          assert.ok(error instanceof TaskError)
          assert.match(error.message, /the bank refused \*\*\* of \*\*\*/)
          assert.doesNotMatch(JSON.stringify([error.message, error.traceback, error.details]), /4111|Ada/)
          return true
        })
      }
      assert.deepEqual(charged, [7, card, 'Ada Lovelace'])
      const kept = JSON.stringify([await result.meta(), await byName.meta(), failures, harness.lines])
      assert.doesNotMatch(kept, new RegExp(`${card}|Ada Lovelace`))
      assert.deepEqual((await result.meta())?.extended?.args, [5, '***', '***'])
      assert.equal(await (await echo.delay(card)).get({ timeout: '5s' }), card)
      assert.doesNotMatch(JSON.stringify(harness.lines), new RegExp(card))
    })

    it('is masked in the headers of the message', async () => {
      await using harness = await openHarness(store)
      const charge = harness.app.task('demo.charge', { secret: [1] }, (amount: number, number: string) => [
        amount,
        number,
      ])
      await charge.delay(5, card)
      const broker = await harness.app.openBroker()
      const [message] = (await broker.peek?.('celery', { offset: 0, limit: 1 })) ?? []
      assert.equal(message?.headers['argsrepr'], "(5, '***')")
      assert.doesNotMatch(JSON.stringify(message.headers), new RegExp(card))
    })
  })
}
