import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { builtinCommands } from '../../src/control/builtin-commands.ts'
import { Control } from '../../src/index.ts'
import { jsonForm } from '../../src/protocol/control-message.ts'
import { gate, openHarness, until, type Harness, type Store } from '../support/worker-harness.ts'

/** The names of workers are their own: others on the same server must not answer. */
const names = ['w1@here', 'w2@here', 'other@there'] as const

async function startThree(harness: Harness): Promise<void> {
  for (const name of names) await harness.startWorker({ name, queues: [name], withoutHeartbeat: true })
}

/** Asking and telling workers, on any store. */
export function describeControl(store: Store): void {
  describe(`remote control on ${store.name}: asking`, () => {
    it('collects what all answer, from a program that knows nothing but the broker', async () => {
      const opened = await store.open()
      await using harness = await openHarness({ ...store, open: () => Promise.resolve(opened) })
      await startThree(harness)
      await using broker = await openBroker(opened.broker)
      const control = new Control({ broker: () => Promise.resolve(broker) })
      const told: string[] = []
      const onReply = ({ node }: { readonly node: string }): void => void told.push(node)
      const replies = await control.ping({ timeout: '500ms', onReply })
      assert.deepEqual([...replies.keys()].toSorted(), names.toSorted())
      assert.deepEqual(told.toSorted(), names.toSorted())
      assert.deepEqual(new Set(replies.values()), new Set(['pong']))
    })

    it('waits no longer than for those that are named, or for as many as are wanted', async () => {
      await using harness = await openHarness(store)
      await startThree(harness)
      const { control } = harness.app
      const begin = performance.now()
      const timeout = 20
      assert.deepEqual([...(await control.ping({ destination: names[0], timeout })).keys()], [names[0]])
      assert.equal((await control.ping({ destination: names.slice(0, 2), timeout })).size, 2)
      assert.deepEqual([...(await control.ping({ pattern: '*@there', limit: 1, timeout })).keys()], [names[2]])
      const pattern = { pattern: 'w\\d@', matcher: 'pcre', limit: 2, timeout } as const
      assert.deepEqual([...(await control.ping(pattern)).keys()].toSorted(), names.slice(0, 2))
      assert.ok(performance.now() - begin < 10_000)
      assert.equal((await control.ping({ destination: 'nobody@nowhere', timeout: '50ms' })).size, 0)
    })

    it('keeps apart what is asked at once', async () => {
      await using harness = await openHarness(store)
      await startThree(harness)
      const asked = names.flatMap((name) => [
        harness.app.control.inspect({ destination: name, timeout: 20 }).activeQueues(),
        harness.app.control.inspect({ destination: name, timeout: 20 }).report(),
      ])
      const answers = await Promise.all(asked)
      for (const [index, replies] of answers.entries()) {
        const name = names[Math.floor(index / 2)] ?? ''
        assert.deepEqual([...replies.keys()], [name])
        assert.equal(typeof replies.get(name), index % 2 === 0 ? 'object' : 'string')
      }
    })

    it('warns of workers that share a name', async () => {
      await using harness = await openHarness(store)
      for (const _ of [1, 2]) await harness.startWorker({ name: names[0], withoutHeartbeat: true })
      assert.equal((await harness.app.control.ping({ limit: 2, timeout: 20 })).size, 1)
      assert.ok(harness.lines.some(({ level, message }) => level === 'warn' && message.startsWith('Several workers')))
    })

    it('tells what runs, waits and is deferred, but no secret', async () => {
      await using harness = await openHarness(store)
      const { app } = harness
      const done = gate()
      const options = { secret: ['password'], parameters: ['user', 'password'] }
      const login = app.task('demo.login', options, (_user: string, _password: string) => done.opened)
      await harness.startWorker({ name: names[0], concurrency: 1 })
      const running = await login.delay('ann', 'hunter2')
      const later = await login.applyAsync(['bob', 'hunter3'], { countdown: 600 })
      const inspect = app.control.inspect({ destination: names[0], timeout: 20 })
      const [task] = await until('it runs', async () => {
        const tasks = (await inspect.active()).get(names[0]) ?? []
        return tasks.length > 0 && tasks
      })
      assert.deepEqual(
        [task?.id, task?.args, task?.workerPid, task?.hostname],
        [running.id, ['ann', '***'], process.pid, names[0]],
      )
      assert.ok(Math.abs(Date.now() / 1000 - (task?.timeStart ?? 0)) < 60)
      const [safe] = (await inspect.active({ safe: true })).get(names[0]) ?? []
      assert.equal(safe?.args, "('ann', '***')")
      assert.equal((await inspect.queryTask(running.id, 'x')).get(names[0])?.[running.id]?.state, 'active')
      const [scheduled] = await until('it is deferred', async () => {
        const tasks = (await inspect.scheduled()).get(names[0]) ?? []
        return tasks.length > 0 && tasks
      })
      assert.deepEqual([scheduled?.request.id, scheduled?.request.args], [later.id, ['bob', '***']])
      assert.ok(Date.parse(scheduled?.eta ?? '') > Date.now())
      const [stats] = (await inspect.stats()).values()
      assert.deepEqual([stats?.total, stats?.pool.maxConcurrency], [{ 'demo.login': 1 }, 1])
      done.open()
      await running.get({ timeout: '25s' })
    })
  })

  describe(`remote control on ${store.name}: telling`, () => {
    it('changes limits, queues and the pool of a worker that runs', async () => {
      await using harness = await openHarness(store)
      const { app } = harness
      const { control } = app
      const done = gate()
      app.task('demo.wait', () => done.opened)
      const add = app.task('demo.add', (x: number, y: number) => x + y)
      await harness.startWorker({ name: names[0], concurrency: 1, queues: ['a'] })
      const to = { destination: names[0], reply: true, timeout: 20 } as const
      const waiting = [await app.send('demo.wait', [], { queue: 'a' }), await app.send('demo.wait', [], { queue: 'a' })]
      await control.poolGrow(2, to)
      const inspect = control.inspect({ destination: names[0], timeout: 20 })
      await until('both run', async () => (await inspect.active()).get(names[0])?.length === 2)
      assert.match((await control.poolShrink(3, to)).errors.get(names[0]) ?? '', /ValueError/)
      await control.poolShrink(1, to)
      await control.addConsumer('b', to)
      done.open()
      for (const each of waiting) await each.get({ timeout: '25s' })
      assert.equal(await (await add.applyAsync([1, 2], { queue: 'b' })).get({ timeout: '25s' }), 3)
      await control.cancelConsumer('a', to)
      const left = await add.applyAsync([1, 2], { queue: 'a' })
      assert.equal(await (await add.applyAsync([2, 2], { queue: 'b' })).get({ timeout: '25s' }), 4)
      assert.deepEqual(
        (await inspect.activeQueues()).get(names[0])?.map(({ name }) => name),
        ['b'],
      )
      assert.equal(await left.state(), 'PENDING')
    })

    it('changes the bounds of a pool that scales by itself', async () => {
      await using harness = await openHarness(store)
      const { control } = harness.app
      await harness.startWorker({ name: names[0], autoscale: { max: 2, min: 1 } })
      const to = { destination: names[0], reply: true, timeout: 20 } as const
      assert.equal((await control.autoscale(4, 3, to)).get(names[0]), 'autoscale now max=4 min=3')
      const stats = (await control.inspect(to).stats()).get(names[0])
      assert.deepEqual(stats?.autoscaler, { max: 4, min: 3, current: 3, qty: 0 })
      assert.match((await control.autoscale(1, 3, to)).errors.get(names[0]) ?? '', /must not be below min/)
      assert.match((await control.poolGrow(1, to)).errors.get(names[0]) ?? '', /not supported with autoscale/)
    })

    it('limits the rate and the time of a task until the worker ends', async () => {
      await using harness = await openHarness(store)
      const { app } = harness
      const { control } = app
      const stuck = app.task('demo.stuck', () => new Promise<never>(() => undefined))
      const many = app.task('demo.many', () => undefined)
      await harness.startWorker({ name: names[0], concurrency: 4 })
      const to = { destination: names[0], reply: true, timeout: 20 } as const
      assert.equal(
        (await control.timeLimit('demo.stuck', { hard: 0.1 }, to)).get(names[0]),
        'time limits set successfully',
      )
      await assert.rejects((await stuck.delay()).get({ timeout: '25s' }), /TimeLimitExceeded/)
      await control.rateLimit('demo.many', '1/h', to)
      const calls = await many.delayMany([[], [], []])
      await calls[0]?.get({ timeout: '25s' })
      const inspect = control.inspect({ destination: names[0], timeout: 20 })
      await until('the others wait', async () => (await inspect.scheduled()).get(names[0])?.length === 2)
      assert.deepEqual((await inspect.registered()).get(names[0]), ['demo.many [rate_limit=1/h]', 'demo.stuck'])
      await control.rateLimit('demo.many', 0, to)
      await (await many.delay()).get({ timeout: '25s' })
    })

    it('revokes by id and by stamp, also for workers that start later, and replies', async () => {
      await using harness = await openHarness(store)
      const { app } = harness
      const add = app.task('demo.add', (x: number, y: number) => x + y)
      await harness.startWorker({ name: names[0], queues: ['unused'] })
      const [byId, byStamp, free] = [
        await add.delay(1, 2),
        await add.s(1, 2).stamp({ customer: '17' }).applyAsync(),
        await add.s(3, 4).stamp({ customer: '18' }).applyAsync(),
      ]
      const options = { reply: true, limit: 1, timeout: 20 }
      const told = await app.control.revoke(byId.id, options)
      assert.deepEqual([...told], [[names[0], `tasks {'${byId.id}'} flagged as revoked`]])
      await app.control.revokeByStampedHeaders({ customer: ['16', '17'] }, options)
      await harness.startWorker({ name: names[1] })
      assert.equal(await free.get({ timeout: '25s' }), 7)
      for (const each of [byId, byStamp]) await assert.rejects(each.get({ timeout: '25s' }), /revoked/)
    })

    it('shuts a worker down', async () => {
      await using harness = await openHarness(store)
      const { worker, stopped } = await harness.startWorker({ name: names[0] })
      await harness.startWorker({ name: names[1] })
      await harness.app.control.shutdown({ destination: names[0] })
      await stopped
      assert.equal(worker.shutdown?.how, 'warm')
      assert.equal((await harness.app.control.ping({ destination: names[1], timeout: 20 })).size, 1)
    })

    it('carries out commands of the app, with arguments that are checked', async () => {
      await using harness = await openHarness(store)
      const { app } = harness
      const args = { label: 'text', times: 'integer?' } as const
      const repeat = app.inspectCommand('repeat', { args }, (worker, { label, times = 1 }) => ({
        text: label.repeat(times),
        on: worker.name,
      }))
      const fail = app.controlCommand('fail', {}, () => {
        throw new RangeError('out of it')
      })
      await harness.startWorker({ name: names[0] })
      const to = { destination: names[0], timeout: 20 }
      assert.deepEqual([...(await repeat({ label: 'ab', times: 2 }, to))], [[names[0], { text: 'abab', on: names[0] }]])
      const wrong = await repeat({ label: 7 } as never, to)
      assert.deepEqual([...wrong.errors.values()], ["TypeError('repeat(): label must be a text')"])
      const failed = await fail({}, { ...to, reply: true })
      assert.deepEqual([...failed.errors.values()], ["RangeError('out of it')"])
      assert.throws(() => app.inspectCommand('ping', {}, () => 1), /there is a command ping already/)
    })

    it('obeys revokes and nothing else where it is switched off', async () => {
      await using harness = await openHarness(store, { workerEnableRemoteControl: false })
      const add = harness.app.task('demo.add', (x: number, y: number) => x + y)
      const revoked = await add.delay(1, 2)
      await revoked.revoke()
      await harness.startWorker({ name: names[0] })
      await harness.app.control.shutdown()
      assert.equal(await (await add.delay(1, 2)).get({ timeout: '25s' }), 3)
      assert.equal((await harness.app.control.ping({ timeout: '100ms' })).size, 0)
      assert.equal(await revoked.state(), 'REVOKED')
    })

    it('survives whatever anybody puts on the channel', async () => {
      await using harness = await openHarness(store)
      await harness.startWorker({ name: names[0] })
      const broker = await harness.app.openBroker()
      const { control } = harness.app
      const odd = [null, 7, -1, 1e300, '', 'x', [], [null], {}, { a: { b: 1 } }, true]
      const bodies: unknown[] = [...odd, { method: 'ping', arguments: 7, reply_to: 'x' }, { method: '__proto__' }]
      for (const body of bodies)
        await broker.broadcast({ headers: {}, properties: {}, ...jsonForm.dump(body) }, 'control')
      for (const [method, { args, named, isSilent }] of Object.entries(builtinCommands)) {
        const parameters = Object.keys({ ...args, ...named })
        for (const value of isSilent ? [] : odd) {
          const given = Object.fromEntries(parameters.map((name) => [name, value]))
          const [reply] = await control.mailbox.ask(method, given, { destination: names[0], timeout: 20 })
          assert.equal(reply?.node, names[0], `${method} ${JSON.stringify(value)}`)
        }
      }
      assert.equal((await control.ping({ destination: names[0], timeout: 20 })).size, 1)
    })
  })
}
