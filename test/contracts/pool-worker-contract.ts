import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  chain,
  chord,
  group,
  TaskError,
  TaskRevoked,
  Worker,
  type Celeriac,
  type WorkerOptions,
} from '../../src/index.ts'
import { deathHeader } from '../../src/protocol/message.ts'
import { rawMessage, recordingLogger, sqliteStore, until, type LogLine } from '../support/worker-harness.ts'

interface Place {
  readonly pid: number
  readonly threadId: number
}

/**
 * What a worker does whose tasks run in slots, as far as it could differ from the event loop: on one SQLite file, with
 * the app of `pool-app/`, which the slots load for themselves.
 */
export function describeWorkerIn(pool: 'threads' | 'processes'): void {
  describe(`worker with ${pool}`, () => {
    let app: Celeriac
    let dispose: () => Promise<void>
    let shared: Running
    const lines: LogLine[] = []
    const says = (what: string, id: string): Promise<unknown> =>
      until(`${id} is ${what}`, () =>
        lines.some(({ message, fields }) => fields['taskId'] === id && message.includes(what)),
      )

    before(async () => {
      const store = await sqliteStore.open()
      dispose = store.dispose
      app = (await import('./pool-app/app.ts')).app
      app.setLogger(recordingLogger(lines))
      app.configFromObject({ broker_url: store.broker, result_backend: store.backend, worker_pool_restarts: true })
      shared = await start(app, { pool, concurrency: 2 })
    })
    after(async () => {
      await shared.stop('cold')
      await app.close()
      await dispose()
    })

    const call = <R = unknown>(task: string, ...args: readonly unknown[]) => app.send<R>(task, args)
    const value = async <R = unknown>(task: string, ...args: readonly unknown[]): Promise<R> =>
      (await call<R>(task, ...args)).get({ timeout: '25s' })

    it('runs calls elsewhere, with values that JSON alone does not know', async () => {
      const place = await value<Place>('pool.where')
      assert.equal(place.pid === process.pid, pool === 'threads')
      assert.equal(place.threadId === 0, pool === 'processes')
      const odd = { when: new Date(1_700_000_000_123), big: 2n ** 80n, nothing: null, text: 'ü€😀' }
      assert.deepEqual(await value('pool.echo', odd), odd)
    })

    it('tells events of tasks in slots', async () => {
      const told: string[] = []
      await using receiver = app.events.receiver({
        handlers: {
          'task-started': ({ taskId }) => told.push(`started ${taskId}`),
          'task-succeeded': ({ taskId, result }) => told.push(`succeeded ${taskId} ${result}`),
        },
      })
      await receiver.listen()
      await app.control.enableEvents({ destination: shared.worker.name, reply: true, timeout: '20s' })
      const { id } = await call('pool.add', 2, 3)
      await until('its end is told', () => told.includes(`succeeded ${id} 5`))
      assert.deepEqual(told, [`started ${id}`, `succeeded ${id} 5`])
      await app.control.disableEvents({ destination: shared.worker.name, reply: true, timeout: '20s' })
    })

    it('is asked and told by remote control: who runs a task, its limits, more slots', async () => {
      const to = { destination: shared.worker.name, reply: true, timeout: '20s' } as const
      const inspect = app.control.inspect(to)
      await app.control.poolGrow(1, to)
      const long = await call('pool.wait')
      const [task] = await until('it runs', async () => {
        const tasks = (await inspect.active()).get(to.destination) ?? []
        return tasks.length > 0 && tasks
      })
      assert.equal(task?.id, long.id)
      assert.equal(task.workerPid === process.pid, pool === 'threads')
      const stats = (await inspect.stats()).get(to.destination)
      assert.equal(stats?.pool.maxConcurrency, 3)
      assert.ok(stats.pool.processes?.includes(task.workerPid ?? 0))
      await app.control.timeLimit('pool.sleep', { hard: 0.2 }, to)
      await assert.rejects(value('pool.sleep', 30_000), /TimeLimitExceeded/)
      await app.control.timeLimit('pool.sleep', {}, to)
      assert.deepEqual([...(await app.control.terminate(long.id, to)).values()], [`terminate: ${long.id}`])
      await assert.rejects(long.get({ timeout: '25s' }), TaskRevoked)
      await app.control.poolShrink(1, to)
      const places = async (): Promise<string[]> => {
        const found = await Promise.all(Array.from({ length: 6 }, () => value<Place>('pool.where')))
        return found.map(({ pid, threadId }) => `${pid}/${threadId}`)
      }
      const before = new Set(await places())
      assert.deepEqual([...(await app.control.poolRestart(to)).values()], ['reload started'])
      await until('others run tasks', async () => (await places()).every((place) => !before.has(place)))
    })

    it('tells what a body threw', async () => {
      await assert.rejects(
        value('pool.fail'),
        (error) => error instanceof TaskError && error.type === 'RangeError' && /pool-app/.test(error.traceback ?? ''),
      )
    })

    it('runs a task again that asks for it', async () => {
      assert.equal(await value('pool.flaky'), 2)
    })

    it('shows STARTED with the process of the slot, and stops by the signal', async () => {
      const result = await call('pool.started')
      const meta = await until('it is started', () => result.meta())
      assert.equal(meta.status, 'STARTED')
      assert.equal((meta.result as Place).pid === process.pid, pool === 'threads')
      await result.revoke()
      await assert.rejects(result.get({ timeout: '25s' }), TaskRevoked)
    })

    it('lets a body call tasks and wait for them, over connections of its own', async () => {
      const result = await call<string>('pool.parent', 41)
      const childId = await result.get({ timeout: '25s' })
      assert.deepEqual(
        (await result.children()).map(({ id }) => id),
        [childId],
      )
      assert.equal(await app.result(childId).get({ timeout: '25s' }), 42)
      assert.equal(await value('pool.waitFor', 1), 2)
    })

    it('runs workflows', async () => {
      const { add, sum } = await import('./pool-app/app.ts')
      const all = await chord(group([add.s(1, 2), add.s(3, 4), chain(add.s(5, 6), add.s(7))]), sum.s()).delay()
      assert.equal(await all.get({ timeout: '25s' }), 28)
    })

    it('ends a loop without end at the hard limit, and one that is terminated', async () => {
      const limited = await app.send('pool.spin', [], { timeLimit: '200ms' })
      await assert.rejects(limited.get({ timeout: '25s' }), /TimeLimitExceeded/)
      const revoked = await call('pool.spin')
      await says('received', revoked.id)
      await revoked.revoke({ terminate: true })
      await says('stopped', revoked.id)
      assert.equal(await revoked.state(), 'REVOKED')
      assert.equal(await value('pool.add', 1, 2), 3)
    })

    it('puts what it cannot read among the dead letters, and lives on', async () => {
      const broker = await app.openBroker()
      await broker.publish([
        { message: rawMessage({ headers: { task: 'pool.add' }, body: 'this is not JSON' }), queue: 'celery' },
      ])
      const death = await until('it is dead', async () => {
        const [dead] = (await broker.peek?.('celery.dead', { offset: 0, limit: 1 })) ?? []
        return dead?.headers[deathHeader] as { readonly reason: string } | undefined
      })
      assert.match(death.reason, /JSON/)
      await broker.purge('celery.dead')
      assert.equal(await value('pool.add', 1, 2), 3)
    })

    it('counts the deaths of slots under a task, and buries it', async () => {
      await assert.rejects(value('pool.exit'), /WorkerLostError: delivered 2 times/)
      const broker = await app.openBroker()
      const peek = async () => (await broker.peek?.('celery.dead', { offset: 0, limit: 10 }))?.[0]
      assert.equal((await until('it is dead', peek)).headers['task'], 'pool.exit')
      await broker.purge('celery.dead')
    })

    it('fails a task that was acknowledged before its slot died', async () => {
      assert.equal(await value('pool.atMostOnce', 1), 2)
      await assert.rejects(value('pool.early'), /WorkerLostError: (thread|process)-\d+: .*code 3/)
    })

    it('ends with the reason where its slots cannot load the app', async () => {
      const worker = new Worker(app, { pool, concurrency: 1, appModule: './nothing-here.ts' })
      await assert.rejects(worker.run(), /cannot be started: .*nothing-here/)
      await assert.rejects(worker.ready, /cannot be started/)
    })

    it('finishes what runs on a warm shutdown, gives back what runs on a cold one', async () => {
      await shared.stop('warm')
      for (const [how, left] of [
        ['warm', 0],
        ['cold', 1],
      ] as const) {
        const worker = await start(app, { pool, concurrency: 1 })
        const result = await call('pool.sleep', how === 'warm' ? 300 : 20_000)
        const broker = await app.openBroker()
        await says('received', result.id)
        await worker.stop(how)
        assert.equal(await broker.count('celery'), left)
        assert.equal(await result.state(), how === 'warm' ? 'SUCCESS' : 'PENDING')
        await broker.purge('celery')
      }
    })
  })
}

interface Running {
  readonly worker: Worker
  stop(how: 'warm' | 'cold'): Promise<void>
}

async function start(app: Celeriac, options: WorkerOptions): Promise<Running> {
  const worker = new Worker(app, options)
  const stopped = worker.run()
  await Promise.race([worker.ready, stopped])
  return {
    worker,
    stop: (how) => {
      worker.stop(how)
      return stopped
    },
  }
}
