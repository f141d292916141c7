import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import os from 'node:os'
import { compileConfig } from '../../../src/app/config.ts'
import { configData, configFromData } from '../../../src/app/config-data.ts'
import { readSettings } from '../../../src/app/settings-source.ts'
import { Celeriac, ImproperlyConfigured, Worker } from '../../../src/index.ts'
import { ShortJobs } from '../../../src/pools/short-jobs.ts'
import { SlotStarts } from '../../../src/pools/slot-starts.ts'
import type { Job } from '../../../src/pools/pool.ts'
import { Autoscaler } from '../../../src/worker/autoscaler.ts'
import type { Consumer } from '../../../src/worker/consumer.ts'
import { DeliveryWindow } from '../../../src/worker/delivery-window.ts'
import { resolvePoolOptions } from '../../../src/worker/pool-options.ts'
import { PoolSize } from '../../../src/worker/pool-size.ts'
import { WorkerPools } from '../../../src/worker/worker-pools.ts'
import { slotSetup } from '../../../src/worker/slot-setup.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { markAsSlot } from '../../../src/util/slot-mark.ts'

describe('the start of slots', () => {
  it('follows deaths later and later, and in the end not at all', () => {
    let now = 0
    const starts = new SlotStarts(() => now)
    starts.ready()
    const pauses = Array.from({ length: 10 }, () => {
      now += 1000
      starts.failed(now - 10)
      // Others that died with it.
      starts.failed(now - 10)
      return starts.pauseMs
    })
    assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, undefined])
    now += 61_000
    starts.failed(0)
    assert.equal(starts.pauseMs, 100)
    starts.worked()
    assert.equal(starts.pauseMs, 0)
  })

  it('is not tried again where the first did not load', () => {
    const starts = new SlotStarts()
    starts.failed(performance.now())
    assert.equal(starts.pauseMs, undefined)
  })
})

describe('jobs that are sent ahead', () => {
  const job = (task: string): Job => ({ headers: { task } }) as Job

  it('are only those whose tasks are measured as very short', () => {
    const short = new ShortJobs()
    assert.equal(short.aheadOf(job('unknown')), 0)
    short.observe('tiny', 0.02)
    short.observe('small', 1)
    short.observe('long', 40)
    assert.deepEqual(
      ['tiny', 'small', 'long'].map((task) => short.aheadOf(job(task))),
      [8, 1, 0],
    )
    for (let n = 0; n < 20; n++) short.observe('tiny', 30)
    assert.equal(short.aheadOf(job('tiny')), 0)
  })
})

describe('autoscaling', () => {
  it('grows at once up to twice as many, and shrinks after 30 s to what was needed', () => {
    let [now, demand] = [0, 0]
    const sizes: number[] = []
    const scaler = new Autoscaler(
      {
        max: 10,
        min: 2,
        demand: () => demand,
        resize: (size) => void sizes.push(size),
        log: createLogger({ level: 'silent' }),
      },
      () => now,
    )
    const look = (seconds: number, wanted: number): void => {
      for (demand = wanted; seconds > 0; seconds--, now += 1000) scaler.look()
    }
    look(3, 2)
    look(1, 3)
    look(1, 5)
    look(5, 11)
    assert.deepEqual(sizes, [4, 8, 10])
    look(10, 1)
    look(10, 7)
    look(9, 1)
    assert.equal(sizes.length, 3)
    look(3, 1)
    assert.deepEqual(sizes, [4, 8, 10, 7])
    look(40, 0)
    assert.equal(sizes.at(-1), 2)
    scaler.stop()
  })
})

describe('options of a pool', () => {
  const config = (settings: object = {}) => compileConfig([readSettings(settings)])

  it('follow from the pool, the settings and what the worker is given, the last first', () => {
    const cpus = os.availableParallelism()
    assert.equal(resolvePoolOptions({}, config()).size, 10)
    assert.equal(resolvePoolOptions({ pool: 'prefork' }, config()).kind, 'processes')
    assert.equal(resolvePoolOptions({ pool: 'threads' }, config()).size, cpus)
    assert.equal(resolvePoolOptions({ pool: 'solo', concurrency: 5 }, config()).size, 1)
    assert.equal(resolvePoolOptions({}, config({ worker_pool: 'prefork', worker_concurrency: 3 })).size, 3)
    assert.equal(
      resolvePoolOptions({}, config({ worker_max_memory_per_child: 200_000 })).maxMemoryPerChild,
      204_800_000,
    )
    const scaled = resolvePoolOptions({}, config({ worker_autoscale: '8,2' }))
    assert.deepEqual([scaled.autoscale, scaled.size], [{ max: 8, min: 2 }, 2])
    assert.equal(resolvePoolOptions({ concurrency: 4 }, config({ worker_autoscale: '8,2' })).autoscale, undefined)
  })

  it('are refused where they make no sense', () => {
    assert.throws(() => resolvePoolOptions({ pool: 'gevents' as 'async' }, config()), ImproperlyConfigured)
    assert.throws(() => resolvePoolOptions({ concurrency: 0 }, config()), RangeError)
    assert.throws(() => resolvePoolOptions({ autoscale: { max: 1, min: 2 } }, config()), RangeError)
    assert.throws(() => resolvePoolOptions({ maxMemoryPerChild: 'much' }, config()), /maxMemoryPerChild must be KiB/)
    assert.throws(() => config({ worker_autoscale: '2,8' }), /worker_autoscale must be/)
  })

  it('ask for no more threads or processes than a machine can have', async () => {
    const many = 1_000_000
    assert.equal(resolvePoolOptions({ concurrency: many }, config()).size, many)
    for (const options of [{ concurrency: many }, { autoscale: { max: many, min: 1 } }]) {
      assert.throws(
        () => resolvePoolOptions({ pool: 'processes', ...options }, config()),
        /ImproperlyConfigured: .* is 1000000.*1000 slots/,
      )
    }
    const resolved = resolvePoolOptions({ pool: 'threads', concurrency: 1 }, config())
    await using app = new Celeriac('here', { broker: 'memory:' })
    const nothing = (): never => assert.fail('nothing was started')
    const events = { onSlotFree: nothing, onAbandoned: nothing, onBroken: nothing, store: nothing }
    const bodies = { execute: nothing, executeRest: nothing }
    await using pools = await WorkerPools.open({ app, workerName: 'w', options: {}, resolved, ...bodies, ...events })
    // It is told of new sizes only.
    const consumer = undefined as unknown as Consumer
    const log = createLogger({ level: 'silent' })
    const size = new PoolSize({ pool: resolved, pools, window: new DeliveryWindow(1, 1), consumer, log })
    assert.throws(() => size.change(many), /a pool of threads has 1000 slots at most, not 1000001/)
    assert.equal(size.now, 1)
  })
})

describe('what a slot is started with', () => {
  it('names the module in which the app was made, and those of its tasks', async () => {
    await using app = new Celeriac('here', { broker: 'memory:' })
    app.task('here.task', () => undefined)
    const setup = slotSetup(app, 'w', {})
    assert.equal(setup.file, import.meta.filename)
    assert.deepEqual(setup.tasks.at(-1), { name: 'here.task', file: import.meta.filename })
    assert.equal(slotSetup(app, 'w', { appModule: 'file:///srv/app%20one.ts' }).file, '/srv/app one.ts')
  })

  it('holds the settings that are data; the others stay those of the module', () => {
    const context = (): string => 'not data'
    const options = compileConfig([readSettings({ broker_transport_options: { context }, worker_concurrency: 3 })])
    const crossed = structuredClone(configData(options))
    assert.equal(crossed.isComplete, false)
    const own = compileConfig([readSettings({ broker_transport_options: { own: 1 } })])
    const there = configFromData(crossed, () => own)
    assert.equal(there.worker.concurrency, 3)
    assert.deepEqual(there.broker.transportOptions, { own: 1 })
    assert.ok(Object.isFrozen(there.worker))
    const whole = structuredClone(configData(own))
    assert.deepEqual(
      configFromData(whole, () => assert.fail('its own are not needed')),
      own,
    )
  })

  it('is not enough for a module that runs a worker when it is imported', async () => {
    await using app = new Celeriac('recursive', { broker: 'memory:' })
    markAsSlot('thread-7')
    await assert.rejects(new Worker(app).run(), /thread-7 is a slot .* `if \(import\.meta\.main\)`/)
  })
})
