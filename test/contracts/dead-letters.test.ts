import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { deleteExpiredDeadLetters, listDeadLetters, type DeadLetter } from '../../src/app/dead-letters.ts'
import type { Broker } from '../../src/brokers/broker.ts'
import { Reject } from '../../src/index.ts'
import { deadLetterQueue, withDeath } from '../../src/protocol/message.ts'
import { openDeadLetterCleanup } from '../../src/worker/dead-letter-cleanup.ts'
import {
  memoryStore,
  openHarness,
  rawMessage,
  recordingLogger,
  redisStore,
  sqliteStore,
  until,
  type LogLine,
} from '../support/worker-harness.ts'

const day = 86_400_000

async function bury(broker: Broker, id: string, ageDays: number): Promise<void> {
  const at = new Date(Date.now() - ageDays * day).toISOString()
  const death = { reason: 'no such task', queue: 'mail', at, deliveries: 1 }
  const message = withDeath(rawMessage({ headers: { id } }), death)
  await broker.publish([{ message, queue: deadLetterQueue('mail') }])
}

async function idsIn(broker: Broker): Promise<(string | undefined)[]> {
  const ids = []
  for await (const { taskId } of listDeadLetters(broker, 'mail')) ids.push(taskId)
  return ids
}

for (const store of [memoryStore, sqliteStore, await redisStore()]) {
  if (!store) continue
  describe(`dead letters on ${store.name}`, () => {
    it('are deleted when they died long ago, and no others', async () => {
      await using harness = await openHarness(store)
      const broker = await harness.app.openBroker()
      for (let n = 0; n < 250; n++) await bury(broker, `old ${n}`, 31)
      await bury(broker, 'young', 29)
      // Not one of ours: somebody has a queue of such a name.
      const foreign = rawMessage({ headers: { id: 'foreign' } })
      await broker.publish([{ message: foreign, queue: 'mail.dead' }])
      let deleted = 0
      for await (const gone of deleteExpiredDeadLetters(broker, 'mail', 30 * day)) deleted += gone.length
      assert.equal(deleted, 250)
      assert.deepEqual(await idsIn(broker), ['young', 'foreign'])
    })

    it('of a task that was rejected bear the time from which that counts', async () => {
      await using harness = await openHarness(store)
      const { app } = harness
      const task = app.task('demo.reject', () => {
        throw new Reject('not now')
      })
      await harness.startWorker({ queues: ['mail'] })
      await task.applyAsync([], { queue: 'mail' })
      const broker = await app.openBroker()
      await until('it is dead', async () => (await broker.count('mail.dead')) === 1)
      const gone: Pick<DeadLetter, 'taskName' | 'death'>[] = []
      for await (const letters of deleteExpiredDeadLetters(broker, 'mail', 60_000)) gone.push(...letters)
      assert.equal(gone.length, 0)
      await until('it is a moment later', async () => {
        for await (const letters of deleteExpiredDeadLetters(broker, 'mail', 1)) gone.push(...letters)
        return gone.length > 0
      })
      assert.deepEqual([gone[0]?.taskName, gone[0]?.death?.queue], ['demo.reject', 'mail'])
      assert.equal(await broker.count('mail.dead'), 0)
    })
  })
}

describe('the cleanup of dead letters', () => {
  it('comes within the first minute, and names in the log what it deletes', async () => {
    await using harness = await openHarness(memoryStore)
    const broker = await harness.app.openBroker()
    for (let n = 0; n < 25; n++) await bury(broker, `old-${n}`, 31)
    mock.timers.enable({ apis: ['setTimeout'] })
    const lines: LogLine[] = []
    const queues = (): string[] => ['celery', 'mail']
    const cleanup = openDeadLetterCleanup({ broker, log: recordingLogger(lines), expiresMs: 30 * day, queues })
    try {
      mock.timers.tick(60_000)
      for (let turn = 0; turn < 50; turn++) await Promise.resolve()
    } finally {
      mock.timers.reset()
      await cleanup[Symbol.asyncDispose]()
    }
    assert.equal(await broker.count('mail.dead'), 0)
    const [line] = lines
    assert.deepEqual([lines.length, line?.level, line?.fields['deleted'], line?.fields['days']], [1, 'warn', 25, 30])
    assert.match(String(line?.fields['tasks']), /^demo\.add\[old-0\], .*demo\.add\[old-19\], and 5 more$/)
  })
})
