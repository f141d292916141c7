import assert from 'node:assert/strict'
import { Celeriac } from '../../src/index.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import { recordingLogger, type LogLine } from '../support/worker-harness.ts'
import { newUser, spoilCommit, type ModelLab, type OrmLab } from './orm-contract-tools.ts'
import { until } from './outbox-site.ts'

interface Site extends AsyncDisposable {
  readonly app: Celeriac
  readonly outbox: Outbox
  readonly lines: LogLine[]
  /** The texts that the broker has been given, in the order of the calls. */
  sent(): Promise<unknown[]>
  /** Rows of the outbox. */
  rows(): Promise<number>
}

const stop = new Error('stop here')

async function openSite(lab: OrmLab, settings: object = {}): Promise<Site> {
  const lines: LogLine[] = []
  const app = new Celeriac('dispatch', {
    broker: `memory:dispatch-${crypto.randomUUID()}`,
    logger: recordingLogger(lines),
    settings: { outbox_poll_interval: '20ms', ...settings },
  })
  app.models.use(lab.adapter)
  const outbox = new Outbox(app)
  await lab.database.execute('DROP TABLE IF EXISTS celeriac_outbox')
  await outbox.migrate()
  return {
    app,
    outbox,
    lines,
    async sent() {
      const messages = (await (await app.openBroker()).peek?.('celery', { offset: 0, limit: 100 })) ?? []
      return messages.map(({ body }) => (JSON.parse(String(body)) as [[unknown]])[0][0])
    },
    rows: async () =>
      Number((await lab.database.execute('SELECT COUNT(*) AS rows_left FROM celeriac_outbox'))[0]?.['rows_left']),
    [Symbol.asyncDispose]: () => app.close(),
  }
}

type Define = (name: string, test: (lab: ModelLab) => Promise<void>) => void

/** How calls follow the transactions of an ORM, whatever the ORM. */
export function defineDispatchTests(it: Define): void {
  it('sends on commit what was called in a transaction, with ids known at once', async (lab) => {
    await using site = await openSite(lab)
    const note = site.app.task('demo.note', (text: string) => text)
    const ids = await lab.transaction(async (tx) => {
      const results = [
        await note.delay('auto'),
        await note.delayOnCommit('delayOnCommit'),
        await note.applyAsyncOnCommit(['applyAsyncOnCommit'], { taskId: 'chosen' }),
        await site.app.transactions.outside(() => note.in(tx).delay('in')),
      ]
      assert.deepEqual(await site.sent(), [])
      return results.map(({ id }) => id)
    })
    assert.deepEqual(await site.sent(), ['auto', 'delayOnCommit', 'applyAsyncOnCommit', 'in'])
    assert.equal(ids[2], 'chosen')
    assert.equal(new Set(ids).size, 4)
  })

  it('sends nothing of what was rolled back, to the savepoint, but what was not to wait', async (lab) => {
    await using site = await openSite(lab)
    const note = site.app.task('demo.note', (text: string) => text)
    await assert.rejects(
      lab.transaction(async (tx) => {
        await note.delay('lost')
        await lab.savepoint(tx, () => note.delay('lost too'))
        await note.applyAsync(['now'], { dispatch: 'now' })
        throw stop
      }),
      stop,
    )
    await lab.transaction(async (tx) => {
      await note.delay('first')
      await assert.rejects(
        lab.savepoint(tx, () => note.delayOnCommit('lost').then(() => Promise.reject(stop))),
        stop,
      )
      await lab.savepoint(tx, () => note.delay('second'))
    })
    assert.deepEqual(await site.sent(), ['now', 'first', 'second'])
  })

  it('sends and writes nothing if the COMMIT fails', async (lab) => {
    await using site = await openSite(lab)
    const note = site.app.task('demo.note', (text: string) => text)
    const spoilt = lab.transaction(async (tx) => {
      await note.delay('on commit')
      await note.applyAsync(['outbox'], { dispatch: 'outbox' })
      await spoilCommit(lab, tx)
    })
    await assert.rejects(spoilt)
    assert.deepEqual([await site.sent(), await site.rows()], [[], 0])
  })

  it('writes a call into the outbox by the transaction itself, exact to the savepoint, and relays it', async (lab) => {
    await using site = await openSite(lab, { task_dispatch: 'outbox' })
    const note = site.app.task('demo.note', (text: string) => text)
    await assert.rejects(
      lab.transaction(() => note.delay('lost').then(() => Promise.reject(stop))),
      stop,
    )
    await lab.transaction(async (tx) => {
      await note.delay('żółć 🥬')
      await assert.rejects(
        lab.savepoint(tx, () => note.delay('lost').then(() => Promise.reject(stop))),
        stop,
      )
      await lab.savepoint(tx, () => note.delay('in a savepoint'))
      await site.app.transactions.outside(() => note.in(tx).delay('in'))
      // On another connection nothing is to be seen before the commit.
      assert.equal(await site.rows(), 0)
    })
    assert.equal(await site.rows(), 3)
    assert.deepEqual(await site.sent(), [])
    const relaying = new AbortController()
    const relayed = site.outbox.run(relaying.signal)
    await until('all are sent', async () => (await site.rows()) === 0)
    relaying.abort()
    await relayed
    assert.deepEqual(await site.sent(), ['żółć 🥬', 'in a savepoint', 'in'])
    assert.deepEqual(
      site.lines.filter(({ level }) => level === 'error'),
      [],
    )
  })

  it('takes an instance that only the transaction can see, and due times', async (lab) => {
    await using site = await openSite(lab, { task_dispatch: 'outbox' })
    const greet = site.app.task('demo.greet', (user: object) => typeof user)
    await lab.transaction(async () => {
      const user = await newUser(lab, 'Ada')
      await greet.applyAsync([user], { countdown: '1h' })
    })
    const relaying = new AbortController()
    const relayed = site.outbox.run(relaying.signal)
    await until('it is sent', async () => (await (await site.app.openBroker()).count('celery')) === 1)
    relaying.abort()
    await relayed
    const [reference] = (await site.sent()) as [{ __value__: [string, number, { c: number }] }]
    assert.equal(reference.__value__[0], 'shop.User')
    assert.equal(reference.__value__[2].c, 1)
  })

  it('makes batches, and counts what waits', async (lab) => {
    await using site = await openSite(lab, { task_dispatch: 'outbox' })
    const note = site.app.task('demo.note', (n: number) => n)
    await lab.transaction(() => note.delayMany(Array.from({ length: 250 }, (_, n) => [n] as const)))
    assert.equal((await site.outbox.status())[0]?.waiting, 250)
  })
}
