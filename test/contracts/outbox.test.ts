import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { Celeriac, ImproperlyConfigured, OperationalError, Worker } from '../../src/index.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import { createLogger } from '../../src/util/logger.ts'
import { until } from '../support/worker-harness.ts'
import { adapterWith, newUser, inApp } from './orm-contract-tools.ts'
import { openTypeOrmLab, type TypeOrmLab } from './typeorm-lab.ts'

interface Site extends AsyncDisposable {
  readonly app: Celeriac
  readonly lab: TypeOrmLab
  readonly outbox: Outbox
  waiting(): Promise<number>
}

async function openSite(settings: object = {}): Promise<Site> {
  const lab = await openTypeOrmLab()
  const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-outbox-'))
  const app = new Celeriac('outbox', {
    broker: `sqlite:${path.join(folder, 'queue.db')}`,
    logger: createLogger({ level: 'silent' }),
    settings: { task_dispatch: 'outbox', outbox_poll_interval: '1h', ...settings },
  })
  app.models.use(lab.adapter)
  return {
    app,
    lab,
    outbox: new Outbox(app),
    waiting: async () => (await app.openBroker()).count('celery'),
    [Symbol.asyncDispose]: async () => {
      await app.close()
      await lab[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

describe('an outbox', () => {
  it('holds a call from the commit on, until a relay sends it', async () => {
    await using site = await openSite()
    await site.outbox.migrate()
    await site.outbox.migrate()
    const greet = site.app.task('demo.greet', (user: { name: string }) => user.name)
    const result = await site.lab.transaction(async () => {
      const user = await newUser(inApp(site.lab), 'Ada')
      return greet.applyAsync([user], { headers: { tenant: 'acme' }, priority: 7 })
    })
    assert.equal(await site.waiting(), 0)
    assert.deepEqual(
      (await site.outbox.status()).map(({ orm, waiting }) => ({ orm, waiting })),
      [{ orm: 'typeorm', waiting: 1 }],
    )
    const worker = new Worker(site.app, { concurrency: 1 })
    const running = worker.run()
    assert.equal(await result.get({ timeout: '10s' }), 'Ada')
    worker.stop()
    await running
    assert.equal((await site.outbox.status())[0]?.waiting, 0)
  })

  it('holds nothing of a transaction, or a savepoint, that was rolled back', async () => {
    await using site = await openSite()
    await site.outbox.migrate()
    const note = site.app.task('demo.note', (text: string) => text)
    await assert.rejects(
      site.lab.transaction(async (tx) => {
        await note.delay('rolled back')
        await site.lab.savepoint(tx, () => note.delay('inside it'))
        throw new Error('stop')
      }),
    )
    await site.lab.transaction(async (tx) => {
      await assert.rejects(
        site.lab.savepoint(tx, async () => {
          await note.delay('rolled back to the savepoint')
          throw new Error('stop')
        }),
      )
      await note.delay('kept')
    })
    assert.equal((await site.outbox.status())[0]?.waiting, 1)
  })

  it('is relayed in order, at once in the process of the commit, and keeps what is due later', async () => {
    await using site = await openSite()
    await site.outbox.migrate()
    const ran: number[] = []
    const note = site.app.task('demo.note', (n: number) => void ran.push(n))
    const worker = new Worker(site.app, { concurrency: 1 })
    const running = worker.run()
    await worker.ready
    await site.lab.transaction(async () => {
      await note.applyAsync([99], { countdown: '1h' })
      for (let n = 0; n < 250; n++) await note.delay(n)
    })
    await until('all ran', () => ran.length === 250)
    assert.deepEqual(
      ran,
      Array.from({ length: 250 }, (_, n) => n),
    )
    worker.stop()
    await running
    assert.equal(await site.waiting(), 1)
  })

  it('gives each message to one of many relays', async () => {
    await using site = await openSite({ outbox_poll_interval: '10ms' })
    await site.outbox.migrate()
    const note = site.app.task('demo.note', (n: number) => n)
    const stop = new AbortController()
    const relays = [1, 2, 3].map(() => new Outbox(site.app).run(stop.signal))
    for (let round = 0; round < 10; round++) {
      await site.lab.transaction(() => note.delayMany(Array.from({ length: 120 }, (_, n) => [n] as const)))
    }
    await until(
      'all are relayed',
      async () => (await site.waiting()) >= 1200 && (await site.outbox.status())[0]?.waiting === 0,
    )
    stop.abort()
    await Promise.all(relays)
    assert.equal(await site.waiting(), 1200)
  })

  it('keeps its rows while the broker refuses them', async () => {
    await using site = await openSite({ outbox_poll_interval: '10ms' })
    await site.outbox.migrate()
    const note = site.app.task('demo.note', (n: number) => n)
    const broker = await site.app.openBroker()
    const publish = broker.publish.bind(broker)
    let refused = 0
    broker.publish = () => {
      refused++
      return Promise.reject(new OperationalError('away'))
    }
    const stop = new AbortController()
    const relay = site.outbox.run(stop.signal)
    await site.lab.transaction(() => note.delay(1))
    await until('it was tried', () => refused >= 2)
    broker.publish = publish
    await until('it went', async () => (await site.waiting()) === 1)
    stop.abort()
    await relay
  })

  it('puts a row that cannot be read among the dead letters, and sends the next', async () => {
    await using site = await openSite({ outbox_poll_interval: '10ms' })
    await site.outbox.migrate()
    await site.lab.database.execute(
      "INSERT INTO celeriac_outbox (queue, message, created) VALUES ('celery', 'nonsense', 1)",
    )
    await site.lab.transaction(() => site.app.task('demo.note', (n: number) => n).delay(1))
    const stop = new AbortController()
    const relay = site.outbox.run(stop.signal)
    await until('the other went', async () => (await site.waiting()) === 1)
    stop.abort()
    await relay
    const [dead] = (await (await site.app.openBroker()).peek?.('celery.dead', { offset: 0, limit: 1 })) ?? []
    assert.equal(dead?.body, 'nonsense')
  })

  it('says what to do where its table is missing, and the call fails in its transaction', async () => {
    await using site = await openSite()
    const note = site.app.task('demo.note', (n: number) => n)
    await assert.rejects(
      site.lab.transaction(() => note.delay(1)),
      (error) => error instanceof OperationalError && /celeriac migrate/.test(error.message),
    )
    await assert.rejects(
      site.outbox.status(),
      /typeorm has no outbox: make its table celeriac_outbox with 'celeriac migrate'/,
    )
  })

  it('refuses a call where no relay would find it: in a SQLite database without a known file', async () => {
    await using site = await openSite()
    const { file: _file, ...transactions } = site.lab.adapter.transactions ?? assert.fail()
    const app = new Celeriac('memory', { broker: 'memory:', settings: { task_dispatch: 'outbox' } })
    app.models.use(adapterWith(site.lab.adapter, { transactions }))
    const note = app.task('demo.note', (n: number) => n)
    await assert.rejects(
      site.lab.transaction(() => note.delay(1)),
      (error) => error instanceof ImproperlyConfigured && /cannot hold an outbox/.test(error.message),
    )
    await app.close()
  })

  it('is not needed without a transaction: the call is sent at once', async () => {
    await using site = await openSite()
    await site.app.task('demo.note', (n: number) => n).delay(1)
    assert.equal(await site.waiting(), 1)
  })
})
