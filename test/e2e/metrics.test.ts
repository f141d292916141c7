import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import promClient from 'prom-client'
import { Celeriac, Reject, Worker, type WorkerOptions } from '../../src/index.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import { openHealthServer } from '../../src/worker/health-server.ts'
import { freePort } from '../services/free-port.ts'
import { openTypeOrmLab } from '../contracts/typeorm-lab.ts'
import { service } from '../services.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import {
  gate,
  memoryStore,
  openHarness,
  rawMessage,
  redisStore,
  sqliteStore,
  until,
  type Harness,
  type Store,
} from '../support/worker-harness.ts'

/** A scrape: the samples by name and labels, as they are written. */
type Scrape = ReadonlyMap<string, number>

interface Site {
  readonly harness: Harness
  scrape(): Promise<Scrape>
  text(): Promise<string>
}

async function openSite(
  store: Store,
  define: (harness: Harness) => void,
  options: WorkerOptions = {},
): Promise<Site & AsyncDisposable> {
  const harness = await openHarness(store)
  define(harness)
  const address = `127.0.0.1:${await freePort()}`
  await harness.startWorker({ ...options, healthPort: address })
  const text = async (): Promise<string> => {
    const response = await fetch(`http://${address}/metrics`)
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    return response.text()
  }
  const site: Site = {
    harness,
    text,
    scrape: async () => new Map((await text()).split('\n').flatMap(sampleIn)),
  }
  return { ...site, [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose]() }
}

function sampleIn(line: string): [string, number][] {
  const match = /^([^#\s].*) (\S+)$/.exec(line)
  return match ? [[match[1] as string, Number(match[2])]] : []
}

function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/** Until it is so, for what a scrape remembers for a second. */
function eventually(site: Site, sample: string, expected: number): Promise<unknown> {
  return until(`${sample} is ${expected}`, async () => {
    const value = (await site.scrape()).get(sample)
    await new Promise((resolve) => setTimeout(resolve, value === expected ? 0 : 100))
    return value === expected
  })
}

describe('metrics of a worker', () => {
  it('tasks are counted by name and outcome, with how long they ran and waited', async () => {
    await using site = await openSite(memoryStore, ({ app }) => {
      app.task('shop.good', () => 1)
      app.task('shop.bad', () => {
        throw new Error('bad')
      })
      app.task('shop.reject', () => {
        throw new Reject('no')
      })
      app.task('shop.again', { autoretryFor: [Error], retryDelay: 0, maxRetries: 2 }, () => {
        throw new Error('again')
      })
    })
    const { app } = site.harness
    const results = await Promise.all([
      ...['a', 'b', 'c'].map(() => app.send('shop.good')),
      app.send('shop.bad'),
      app.send('shop.again'),
    ])
    await app.send('shop.reject')
    await app.send('shop.unheard-of')
    const expired = await app.send('shop.good', [], { expires: new Date(Date.now() - 1000) })
    await Promise.allSettled([...results, expired].map((result) => result.get({ timeout: '5s' })))
    const sample = (task: string, outcome: string): string =>
      `celeriac_tasks_total{task="${task}",outcome="${outcome}"}`
    await until('all is counted', async () => (await site.scrape()).get(sample('(unknown)', 'dead_letter')) === 1)
    await until('all is counted', async () => (await site.scrape()).get(sample('shop.reject', 'rejected')) === 1)
    const scrape = await site.scrape()
    assert.deepEqual(
      ['succeeded', 'expired'].map((outcome) => scrape.get(sample('shop.good', outcome))),
      [3, 1],
    )
    assert.equal(scrape.get(sample('shop.bad', 'failed')), 1)
    assert.equal(scrape.get(sample('shop.again', 'retried')), 2)
    assert.equal(scrape.get(sample('shop.again', 'failed')), 1)
    assert.equal(scrape.get('celeriac_tasks_received_total{task="shop.good"}'), 3)
    assert.equal(scrape.get('celeriac_task_run_seconds_count{task="shop.good"}'), 3)
    assert.equal(scrape.get('celeriac_task_wait_seconds_count{task="shop.good"}'), 3)
    assert.ok((scrape.get('celeriac_task_wait_seconds_sum{task="shop.good"}') ?? 99) < 5)
  })

  it('slots, readiness and the lag of the event loop are told', async () => {
    const door = gate()
    await using site = await openSite(memoryStore, ({ app }) => void app.task('shop.wait', () => door.opened), {
      concurrency: 3,
      name: 'metrics@test',
    })
    await site.harness.app.send('shop.wait')
    await eventually(site, 'celeriac_worker_slots_busy', 1)
    const scrape = await until('the lag is seen', async () => {
      // What blocks in the turn of a scrape is not seen.
      await new Promise((resolve) => setTimeout(resolve, 100))
      block(150)
      const seen = await site.scrape()
      return (seen.get('celeriac_worker_event_loop_lag_seconds{quantile="1"}') ?? 0) > 0.1 && seen
    })
    assert.equal(scrape.get('celeriac_worker_slots'), 3)
    assert.equal(scrape.get('celeriac_worker_ready'), 1)
    assert.match(await site.text(), /^celeriac_worker_info\{worker="metrics@test",pool="async",version="\d/m)
    door.open()
    await eventually(site, 'celeriac_worker_slots_busy', 0)
  })

  it('what the app registers with prom-client is told too', async () => {
    const own = new promClient.Counter({ name: 'shop_orders_total', help: 'Orders' })
    await using site = await openSite(memoryStore, ({ app }) => void app.task('shop.order', () => own.inc()))
    await (await site.harness.app.send('shop.order')).get({ timeout: '5s' })
    assert.equal((await site.scrape()).get('shop_orders_total'), 1)
    promClient.register.clear()
  })

  it('every name, type and help is written once, as Prometheus wants them', async () => {
    await using site = await openSite(memoryStore, ({ app }) => void app.task('shop.good', () => 1))
    const text = await site.text()
    const names = [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map((match) => match[1] as string)
    assert.deepEqual(names, [...new Set(names)])
    for (const name of names) assert.match(name, /^celeriac_[a-z_]+$/)
    const counters = [...text.matchAll(/^# TYPE (\S+) counter$/gm)].map((match) => match[1] as string)
    for (const name of counters) assert.match(name, /_total$/)
    for (const line of text.split('\n')) assert.match(line, /^($|# (HELP|TYPE) \S+ .+|\w+(\{[^{}]*\})? [-+\dNae.I]+$)/)
  })

  it('a queue that remote control added is told', async () => {
    await using site = await openSite(memoryStore, () => {}, { name: 'added@test' })
    await site.harness.app.control.addConsumer('added', { destination: ['added@test'], reply: true })
    await eventually(site, 'celeriac_queue_messages{queue="added"}', 0)
  })

  it('many scrapes ask the store once', async () => {
    await using site = await openSite(memoryStore, () => {})
    await site.scrape()
    const broker = await site.harness.app.openBroker()
    await broker.publish([{ message: rawMessage({ headers: { task: 'shop.later' } }), queue: 'celery.dead' }])
    const scrapes = await Promise.all(Array.from({ length: 50 }, () => site.scrape()))
    for (const scrape of scrapes) assert.equal(scrape.get('celeriac_queue_dead_letters{queue="celery"}'), 0)
    await eventually(site, 'celeriac_queue_dead_letters{queue="celery"}', 1)
  })
})

function describeQueues(store: Store): void {
  it(`how much waits is told on ${store.name}, and for how long`, async () => {
    const door = gate()
    await using site = await openSite(store, ({ app }) => void app.task('shop.wait', () => door.opened), {
      concurrency: 1,
      prefetchMultiplier: 1,
    })
    const { app } = site.harness
    await Promise.all(Array.from({ length: 5 }, () => app.send('shop.wait')))
    await app.send('shop.wait', [], { countdown: '1h' })
    const broker = await app.openBroker()
    await broker.publish([{ message: rawMessage({}), queue: 'celery.dead' }])
    await until('one of them runs', async () => (await broker.count('celery')) <= 5)
    const waiting = await broker.count('celery')
    await eventually(site, 'celeriac_queue_messages{queue="celery"}', waiting)
    const scrape = await site.scrape()
    assert.equal(scrape.get('celeriac_queue_dead_letters{queue="celery"}'), 1)
    const age = scrape.get('celeriac_queue_oldest_message_age_seconds{queue="celery"}') ?? -1
    assert.ok(age > 0 && age < 30, `the age is ${age}`)
    door.open()
    await eventually(site, 'celeriac_queue_messages{queue="celery"}', 1)
    // Only what has an hour to go is left.
    await eventually(site, 'celeriac_queue_oldest_message_age_seconds{queue="celery"}', 0)
  })
}

it('what waits in an outbox is told', async () => {
  await using lab = await openTypeOrmLab()
  await using setup = new Celeriac('setup', { broker: 'memory:', backend: 'memory:' })
  setup.models.use(lab.adapter)
  await new Outbox(setup).migrate()
  await using site = await openSite(memoryStore, ({ app }) => void app.models.use(lab.adapter))
  await eventually(site, 'celeriac_outbox_messages{orm="typeorm"}', 0)
  assert.equal((await site.scrape()).get('celeriac_outbox_oldest_message_age_seconds{orm="typeorm"}'), 0)
})

it('attempts in threads are counted and timed', async () => {
  const { app } = await import('../contracts/pool-app/app.ts')
  const port = await freePort()
  const worker = new Worker(app, { pool: 'threads', concurrency: 1, healthPort: `127.0.0.1:${port}` })
  const stopped = worker.run()
  try {
    await worker.ready
    await (await app.send('pool.sleep', [30])).get({ timeout: '20s' })
    const text = await until('it is counted', async () => {
      const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
      return page.includes('celeriac_tasks_total{task="pool.sleep",outcome="succeeded"} 1') && page
    })
    assert.match(text, /^celeriac_task_run_seconds_bucket\{le="0\.025",task="pool\.sleep"\} 0$/m)
    assert.match(text, /^celeriac_task_wait_seconds_count\{task="pool\.sleep"\} 1$/m)
  } finally {
    worker.stop()
    await stopped
    await app.close()
  }
})

it('every metric is in docs/monitoring.md, and no other there and in the dashboard', async () => {
  await using site = await openSite(memoryStore, () => {})
  const page = await readFile(path.resolve(import.meta.dirname, '../../docs/monitoring.md'), 'utf8')
  const documented = Array.from(
    page.matchAll(/^\| `(celeriac_\w+)` \| (\w+) \|/gm),
    ([, name, type]) => `${name} ${type}`,
  )
  const told = Array.from((await site.text()).matchAll(/^# TYPE (\w+ \w+)$/gm), ([, what = '']) => what)
  assert.deepEqual(documented.toSorted(), told.toSorted())
  const dashboard = await readFile(path.resolve(import.meta.dirname, '../../docs/grafana.json'), 'utf8')
  const queried = Array.from(
    `${page} ${dashboard}`.matchAll(/\b(celeriac_\w+?)(?:_bucket)?(?=[[{)\s])/g),
    ([, name]) => name ?? '',
  )
  for (const name of queried)
    assert.ok(
      documented.some((each) => each.startsWith(`${name} `)),
      `${name} is no metric`,
    )
})

it('a message without a time is as old as it has been seen', async () => {
  const door = gate()
  await using site = await openSite(memoryStore, ({ app }) => void app.task('demo.add', () => door.opened), {
    concurrency: 1,
    prefetchMultiplier: 1,
  })
  const broker = await site.harness.app.openBroker()
  await broker.publish(Array.from({ length: 6 }, () => ({ message: rawMessage({}), queue: 'celery' })))
  await until('it is older', async () => {
    const age = (await site.scrape()).get('celeriac_queue_oldest_message_age_seconds{queue="celery"}') ?? 0
    await new Promise((resolve) => setTimeout(resolve, 100))
    return age > 0.5
  })
  door.open()
})

it('without prom-client its place is told how to get it', async () => {
  await using server = await openHealthServer('127.0.0.1:0', () => assert.fail('not asked'))
  const response = await fetch(`http://127.0.0.1:${server.port}/metrics`)
  assert.equal(response.status, 404)
  assert.match(await response.text(), /npm i prom-client/)
})

const redis = await service('redis')

it(
  'a store that is away is not waited for, and what it would say is left out until it is back',
  { skip: !('url' in redis) },
  async () => {
    assert.ok('url' in redis)
    await using proxy = await TcpProxy.open(redis)
    const broker = proxy.through(redis.url)
    const dispose = async (): Promise<void> => {}
    const store = { name: 'away', open: async () => ({ broker, backend: 'memory:metrics-away', dispose }) }
    await using site = await openSite(store, () => {})
    await site.scrape()
    proxy.freeze()
    await until('the queues are left out', async () => {
      const startedMs = performance.now()
      const scrape = await site.scrape()
      assert.ok(performance.now() - startedMs < 4000)
      await new Promise((resolve) => setTimeout(resolve, 100))
      assert.ok(scrape.has('celeriac_worker_slots'))
      return !scrape.has('celeriac_queue_messages{queue="celery"}')
    })
    proxy.cut()
    proxy.thaw()
    await eventually(site, 'celeriac_queue_messages{queue="celery"}', 0)
  },
)

for (const store of [memoryStore, sqliteStore, await redisStore()]) if (store) describeQueues(store)
