import assert from 'node:assert/strict'
import { OperationalError } from '../../src/errors.ts'
import { Worker, type Explanation } from '../../src/index.ts'
import type { Service } from '../services.ts'
import { openOutboxSite, until, type OutboxSite } from './outbox-site.ts'

type Define = (name: string, test: () => Promise<void>) => unknown

/** What relays must do, whatever the database. */
export function defineRelayTests(define: Define, serviceOf: () => Service | 'sqlite'): void {
  const it = (name: string, test: (site: OutboxSite) => Promise<void>, settings: object = {}): unknown =>
    define(name, async () => {
      await using site = await openOutboxSite(serviceOf(), settings)
      await site.outbox.migrate()
      await test(site)
    })

  it('make their table once, also when many make it at the same time', async (site) => {
    const other = await site.another()
    await site.database.execute('DROP TABLE celeriac_outbox')
    await Promise.all([site, other].map(({ outbox }) => outbox.migrate()))
    assert.equal(await site.rows(), 0)
  })

  it('send what was committed, in order, text of any kind and times included', async (site) => {
    const note = site.app.task('demo.note', (text: string) => text)
    const texts = Array.from({ length: 130 }, (_, n) => `${n} żółć 🥬 '"\\ \u0000`)
    await site.transaction(async () => {
      for (const text of texts) await note.delay(text)
      await note.applyAsync(['later'], { countdown: '1h' })
    })
    const stop = site.relay()
    await until('all are sent', async () => (await site.waiting()) === texts.length + 1)
    await stop()
    const broker = await site.app.openBroker()
    const sent = (await broker.peek?.('celery', { offset: 0, limit: 200 })) ?? []
    const first = sent.map(({ body }) => (JSON.parse(String(body)) as [[string]])[0][0])
    assert.deepEqual(
      first.filter((text) => text !== 'later'),
      texts,
    )
    assert.equal(await site.rows(), 0)
  })

  it('give each message to one of them, however many there are', async (site) => {
    const note = site.app.task('demo.note', (n: number) => n)
    const others = await Promise.all([site.another(), site.another(), site.another()])
    const stops = [site, ...others].map((one) => one.relay())
    for (let round = 0; round < 10; round++)
      await site.transaction(() => note.delayMany(Array.from({ length: 120 }, (_, n) => [n] as const)))
    await until('all are sent', async () => (await site.rows()) === 0 && (await site.waiting()) >= 1200)
    await Promise.all(stops.map((stop) => stop()))
    assert.equal(await site.waiting(), 1200)
  })

  it('do not wait for rows of a transaction that is open, nor let one wait for them', async (site) => {
    const note = site.app.task('demo.note', (n: number) => n)
    const broker = await site.app.openBroker()
    const publish = broker.publish.bind(broker)
    const published = Promise.withResolvers<void>()
    const mayGoOn = Promise.withResolvers<void>()
    await site.transaction(() => note.delay(1))
    broker.publish = async (messages) => {
      published.resolve()
      await mayGoOn.promise
      await publish(messages)
    }
    const stop = site.relay()
    await published.promise
    // The relay holds row 1 and waits for the broker.
    await site.transaction(() => note.delay(2))
    broker.publish = publish
    if (site.database.dialect === 'sqlite') mayGoOn.resolve()
    else {
      await site.transaction(async () => {
        await note.delay(3)
        mayGoOn.resolve()
        await until('the others are sent', async () => (await site.waiting()) === 2)
      })
    }
    const count = site.database.dialect === 'sqlite' ? 2 : 3
    await until('all are sent', async () => (await site.waiting()) === count)
    await stop()
  })

  it('send 50,000 rows in batches that do not grow, over one connection', async (site) => {
    const total = 50_000
    await site.transaction(() => site.app.task('demo.note', (n: number) => n).delay(1))
    await multiply(site, total)
    const other = await site.another()
    const connections = (): Promise<readonly number[]> => site.database.connections()
    const before = (await connections()).length
    const batches = await watchBatches(other, async () => assert.ok((await connections()).length <= before))
    const stop = other.relay()
    await until('all are sent', async () => (await site.waiting()) === total, 60)
    await stop()
    assert.equal(await site.rows(), 0)
    assert.equal(Math.max(...batches.map(({ length }) => length)), 100)
  })

  it('take large messages a few at a time', async (site) => {
    const note = site.app.task('demo.note', (text: string) => text.length)
    await site.transaction(async () => {
      for (const megabytes of [3, 3, 10, 0, 0]) await note.delay('x'.repeat(megabytes * 1024 * 1024))
    })
    const batches = await watchBatches(site)
    const stop = site.relay()
    await until('all are sent', async () => (await site.waiting()) === 5)
    await stop()
    // In base64: 4 and 4, 13.3, then the small ones.
    assert.deepEqual(
      batches.map(({ length }) => length),
      [1, 1, 1, 2],
    )
  })

  it('leave one connection of a pool of one to those who need it', async (site) => {
    if (site.database.dialect === 'sqlite') return
    const narrow = await site.another({}, 1)
    const note = narrow.app.task('demo.note', (n: number) => n)
    const stop = narrow.relay()
    for (let round = 0; round < 20; round++) {
      await narrow.transaction(() => note.delayMany(Array.from({ length: 150 }, (_, n) => [n] as const)))
    }
    await until('all are sent', async () => (await site.waiting()) === 3000)
    await stop()
  })

  it('keep their rows while the broker is away, pausing longer each time, and say when it is back', async (site) => {
    const tries: number[] = []
    const broker = await site.app.openBroker()
    const publish = broker.publish.bind(broker)
    broker.publish = () => {
      tries.push(performance.now())
      return Promise.reject(new OperationalError('away'))
    }
    await site.transaction(() => site.app.task('demo.note', (n: number) => n).delay(1))
    const stop = site.relay()
    await until('it was tried three times', () => tries.length === 3)
    broker.publish = publish
    await until('it is sent', async () => (await site.waiting()) === 1)
    await until('the log says so', () => site.lines.some(({ message }) => message.includes('relayed again')))
    await stop()
    const [first = 0, second = 0, third = 0] = tries
    assert.ok(second - first >= 150 && third - second >= 300, `tried at ${tries.join(', ')}`)
    const errors = site.lines.filter(({ level }) => level === 'error')
    assert.equal(errors.length, 3)
  })

  it('stop while the broker hangs, and leave the rows to others', async (site) => {
    const note = site.app.task('demo.note', (n: number) => n)
    const other = await site.another()
    await site.transaction(() => note.delay(1))
    const broker = await site.app.openBroker()
    const hung = Promise.withResolvers<void>()
    broker.publish = () => (hung.resolve(), new Promise(() => undefined))
    const stop = site.relay()
    await hung.promise
    await stop()
    assert.equal(await site.rows(), 1)
    const stopOther = other.relay()
    await until('another sends them', async () => (await other.waiting()) === 1)
    await stopOther()
  })

  it('put a message that the broker refuses among the dead letters, and send the others in order', async (site) => {
    await refusing(site, () => new TypeError('a header is too long'))
    const stop = site.relay()
    await until('the others are sent', async () => (await site.waiting()) === 60)
    await until('the table is empty', async () => (await site.rows()) === 0)
    await stop()
    assert.deepEqual(
      await sentNumbers(site),
      Array.from({ length: 60 }, (_, n) => n),
    )
    const [dead] = (await (await site.app.openBroker()).peek?.('celery.dead', { offset: 0, limit: 2 })) ?? []
    assert.equal(dead?.headers['task'], 'demo.refused')
    assert.match(JSON.stringify(dead.headers['x-celeriac-death']), /refused it: a header is too long/)
  })

  it('send what is behind a message over which the broker seems to be away', async (site) => {
    await refusing(site, () => new OperationalError('the channel was closed'))
    const stop = site.relay()
    await until('the others are sent', async () => (await site.waiting()) === 60)
    await stop()
    assert.deepEqual(
      await sentNumbers(site),
      Array.from({ length: 60 }, (_, n) => n),
    )
    assert.equal(await site.rows(), 1)
  })

  it('go on after the connections to the database were cut', async (site) => {
    const note = site.app.task('demo.note', (n: number) => n)
    const other = await site.another()
    const stop = other.relay()
    for (let round = 1; round <= 3; round++) {
      await site.transaction(() => note.delay(round))
      await until('it is sent', async () => (await site.waiting()) === round)
      await site.database.killConnections()
      // The pool of the writer notices in a turn of the loop.
      await until('the writer is connected', () =>
        site.rows().then(
          () => true,
          () => false,
        ),
      )
    }
    await stop()
  })

  it('leave what waits to be explained: since when, behind what, and why it was not sent', async (site) => {
    const note = site.app.task('demo.note', (n: number) => n)
    const [first, second, later] = await site.transaction(async () => [
      await note.delay(1),
      await note.applyAsync([2], { queue: 'mail', taskId: `odd % _ "ümläut" \\ ' id` }),
      await note.applyAsync([3], { countdown: '1h' }),
    ])
    const explain = async (id: string): Promise<Explanation> => site.app.explain(id, { timeout: '80ms' })
    const waiting = await explain(second.id)
    const { since, ...reason } = outboxReason(waiting)
    const rest = { due: undefined, failures: [], answered: [] }
    const isHeld = site.database.dialect === 'postgres' ? undefined : false
    assert.deepEqual(reason, { kind: 'outbox', orm: 'typeorm', ahead: 1, isHeld, ...rest })
    assert.ok(Math.abs(Date.now() - since.getTime()) < 60_000)
    assert.deepEqual([waiting.taskName, waiting.queue, waiting.state], ['demo.note', 'mail', 'PENDING'])
    assert.match(
      waiting.lines.join('\n'),
      /outbox of typeorm since .*, behind 1 other, to be sent to queue mail[^]*celeriac outbox/,
    )
    assert.ok((outboxReason(await explain(later.id)).due?.getTime() ?? 0) > Date.now() + 3_000_000)
    assert.equal((await explain('%')).reason.kind, 'unknown')
    const stop = site.relay()
    await until('it is sent', async () => (await explain(first.id)).reason.kind === 'noConsumer')
    await stop()
  })

  it('tell by their worker that the broker refuses what they send', async (site) => {
    const broker = await site.app.openBroker()
    broker.publish = () => Promise.reject(new OperationalError('the disk of the broker is full'))
    const { id } = await site.transaction(() => site.app.task('demo.note', (n: number) => n).delay(1))
    const worker = new Worker(site.app, { name: 'w@here', concurrency: 1 })
    const running = worker.run()
    await worker.ready
    await until('it says why', async () => {
      const [failure] = outboxReason(await site.app.explain(id, { timeout: '80ms' })).failures
      return failure?.worker === 'w@here' && failure.attempts > 1 && failure.error.includes('disk of the broker')
    })
    worker.stop()
    await running
  })
}

/** The batches that the site's broker gets from now on. */
async function watchBatches(
  site: OutboxSite,
  onBatch: () => Promise<void> = () => Promise.resolve(),
): Promise<(readonly unknown[])[]> {
  const batches: (readonly unknown[])[] = []
  const broker = await site.app.openBroker()
  const publish = broker.publish.bind(broker)
  broker.publish = async (messages) => {
    await onBatch()
    batches.push(messages.map(({ queue }) => queue))
    await publish(messages)
  }
  return batches
}

function outboxReason({ reason, lines }: Explanation): Extract<Explanation['reason'], { readonly kind: 'outbox' }> {
  assert.ok(reason.kind === 'outbox', lines.join('\n'))
  return reason
}

/** Sixty calls, and one among them that the broker refuses unless it is a dead letter. */
async function refusing(site: OutboxSite, error: () => Error): Promise<void> {
  const broker = await site.app.openBroker()
  const publish = broker.publish.bind(broker)
  broker.publish = (messages) => {
    const isRefused = messages.some(
      ({ message, queue }) => message.headers['task'] === 'demo.refused' && queue === 'celery',
    )
    return isRefused ? Promise.reject(error()) : publish(messages)
  }
  const note = site.app.task('demo.note', (n: number) => n)
  const refused = site.app.task('demo.refused', () => undefined)
  await site.transaction(async () => {
    for (let n = 0; n < 60; n++) {
      if (n === 20) await refused.delay()
      await note.delay(n)
    }
  })
}

async function sentNumbers(site: OutboxSite): Promise<number[]> {
  const broker = await site.app.openBroker()
  const sent = (await broker.peek?.('celery', { offset: 0, limit: 200 })) ?? []
  return sent.map(({ body }) => (JSON.parse(String(body)) as [[number]])[0][0])
}

async function multiply(site: OutboxSite, total: number): Promise<void> {
  const columns = 'queue, message, due, created'
  for (let count = 1; count < total; count *= 2) {
    const limit = Math.min(count, total - count)
    await site.database.execute(
      `INSERT INTO celeriac_outbox (${columns}) SELECT ${columns} FROM celeriac_outbox ORDER BY id LIMIT ${limit}`,
    )
  }
}
