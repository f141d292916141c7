import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deathHeader, type Death, type Message } from '../../src/protocol/message.ts'
import {
  currentTask,
  Ignore,
  Reject,
  RowMissing,
  SoftTimeLimitExceeded,
  TaskError,
  TaskRevoked,
  TimeoutError,
  WorkerShutdown,
  type Celeriac,
  type TaskContext,
} from '../../src/index.ts'
import { gate, openHarness, rawMessage, until, type Harness, type Store } from '../support/worker-harness.ts'
import { describeRates } from './worker-contract-rates.ts'

async function deadLetters(app: Celeriac, queue = 'celery'): Promise<Message[]> {
  const broker = await app.openBroker()
  return (await broker.peek?.(`${queue}.dead`, { offset: 0, limit: 100 })) ?? []
}

function deathOf(message: Message | undefined): Death {
  return message?.headers[deathHeader] as Death
}

/** Publishes a message as it is and waits until it is among the dead letters. */
async function deathOfMessage(harness: Harness, message: Message): Promise<Death> {
  const broker = await harness.app.openBroker()
  await broker.publish([{ message, queue: 'celery' }])
  return deathOf(await until('the message is dead', async () => (await deadLetters(harness.app))[0]))
}

/** What a worker does with tasks, on any store. */
export function describeWorker(store: Store): void {
  describeRates(store)
  describe(`worker on ${store.name}: results`, () => {
    it('runs a call and gives its result', async () => {
      await using harness = await openHarness(store)
      const add = harness.app.task('demo.add', (x: number, y: number) => x + y)
      await harness.startWorker()
      const result = await add.delay(2, 3)
      assert.equal(await result.get({ timeout: '25s' }), 5)
      assert.equal(await result.state(), 'SUCCESS')
      assert.equal(await result.successful(), true)
      assert.equal(await result.failed(), false)
      await result.forget()
      assert.equal(await result.state(), 'PENDING')
    })

    it('tells many waiters of many tasks', async () => {
      await using harness = await openHarness(store)
      const double = harness.app.task('demo.double', (x: number) => x * 2)
      await harness.startWorker({ concurrency: 20 })
      const results = await double.delayMany(Array.from({ length: 1200 }, (_, x) => [x] as const))
      const values = await Promise.all(results.map((result) => result.get({ timeout: '20s' })))
      assert.deepEqual(
        values,
        Array.from({ length: 1200 }, (_, x) => x * 2),
      )
    })

    it('keeps values that JSON alone does not know', async () => {
      await using harness = await openHarness(store)
      const echo = harness.app.task('demo.echo', (value: unknown) => value)
      await harness.startWorker()
      const value = {
        when: new Date(1_700_000_000_123),
        big: 2n ** 80n,
        bytes: new Uint8Array([1, 2, 255]),
        nothing: null,
        text: 'ü€😀',
      }
      const result = (await (await echo.delay(value)).get({ timeout: '25s' })) as typeof value
      assert.deepEqual({ ...result, bytes: new Uint8Array(result.bytes) }, value)
    })

    it('throws what the task threw, described', async () => {
      await using harness = await openHarness(store)
      const fail = harness.app.task('demo.fail', () => {
        throw new RangeError('too far')
      })
      await harness.startWorker()
      const result = await fail.delay()
      const error = await result.get({ timeout: '25s' }).then(
        () => assert.fail('did not throw'),
        (thrown: unknown) => thrown,
      )
      assert.ok(error instanceof TaskError)
      assert.equal(error.type, 'RangeError')
      assert.match(error.message, /too far/)
      assert.match(error.traceback ?? '', /worker-contract/)
      assert.equal(await result.failed(), true)
    })

    it('tells the class of an error that does not set its name', async () => {
      await using harness = await openHarness(store)
      class PaymentDeclined extends Error {}
      const fail = harness.app.task('demo.fail', () => {
        throw new PaymentDeclined('no funds')
      })
      await harness.startWorker()
      await assert.rejects((await fail.delay()).get({ timeout: '25s' }), { type: 'PaymentDeclined' })
    })

    it('stores nothing where results are ignored, and says so to who waits', async () => {
      await using harness = await openHarness(store)
      const done = gate()
      const silent = harness.app.task('demo.silent', { ignoreResult: true }, () => done.open())
      await harness.startWorker()
      const result = await silent.delay()
      await done.opened
      await assert.rejects(result.get({ timeout: '1s' }), /is ignored/)
      assert.equal(await result.state(), 'PENDING')
    })

    it('shows STARTED and states of its own', async () => {
      await using harness = await openHarness(store)
      const [half, go] = [gate(), gate()]
      const slow = harness.app.task('demo.slow', { trackStarted: true }, async function (this: TaskContext) {
        await this.updateState('PROGRESS', { percent: 50 })
        half.open()
        await go.opened
        return 'done'
      })
      const waits = harness.app.task('demo.waits', { trackStarted: true }, () => go.opened)
      await harness.startWorker({ name: 'w1@%h' })
      const [result, started] = [await slow.delay(), await waits.delay()]
      await half.opened
      assert.deepEqual((await result.meta())?.result, { percent: 50 })
      const meta = await until('it is started', () => started.meta())
      assert.equal(meta.status, 'STARTED')
      assert.equal((meta.result as { pid: number }).pid, process.pid)
      go.open()
      assert.equal(await result.get({ timeout: '25s' }), 'done')
    })

    it('gives up waiting after the timeout, or when told to', async () => {
      await using harness = await openHarness(store)
      const never = harness.app.task('demo.never', () => undefined)
      const result = await never.delay()
      await assert.rejects(result.get({ timeout: '50ms' }), TimeoutError)
      await assert.rejects(result.get({ signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' })
    })

    it('knows which tasks a task called', async () => {
      await using harness = await openHarness(store)
      const child = harness.app.task('demo.child', () => currentTask().request)
      const parent = harness.app.task('demo.parent', async () => (await child.delay()).id)
      await harness.startWorker()
      const result = await parent.delay()
      const childId = await result.get({ timeout: '25s' })
      const [found] = await result.children()
      assert.equal(found?.id, childId)
      const request = (await harness.app.result(childId).get({ timeout: '25s' })) as {
        parentId: string
        rootId: string
      }
      assert.deepEqual([request.parentId, request.rootId], [result.id, result.id])
    })
  })

  describe(`worker on ${store.name}: arguments`, () => {
    it('finds the place of keyword arguments by the parameters', async () => {
      await using harness = await openHarness(store)
      const power = harness.app.task(
        'demo.power',
        { parameters: ['base', 'exponent'] },
        (base: number, exponent: number) => base ** exponent,
      )
      await harness.startWorker()
      const result = await harness.app.send('demo.power', [2], { kwargs: { exponent: 10 } })
      assert.equal(await result.get({ timeout: '25s' }), 1024)
      const wrong = await harness.app.send('demo.power', [2], { kwargs: { exponnent: 10 } })
      await assert.rejects(wrong.get({ timeout: '25s' }), /unexpected keyword argument 'exponnent'/)
      await assert.rejects(
        power.applyAsync([2, 3], { kwargs: { exponent: 1 } }),
        /multiple values for argument 'exponent'/,
      )
      const missing = await harness.app.send('demo.power', [], { kwargs: { exponent: 10 } })
      await assert.rejects(missing.get({ timeout: '25s' }), /missing the argument 'base'/)
    })

    it('passes keyword arguments as one trailing object without parameters', async () => {
      await using harness = await openHarness(store)
      harness.app.task('demo.options', (x: number, options: { y: number }) => x + options.y)
      await harness.startWorker()
      const result = await harness.app.send('demo.options', [1], { kwargs: { y: 2 } })
      assert.equal(await result.get({ timeout: '25s' }), 3)
    })

    it('tells a body everything about its request', async () => {
      await using harness = await openHarness(store)
      const about = harness.app.task('demo.about', { timeLimit: '1m' }, (_number: number) => {
        const { request } = currentTask()
        return { ...request, args: request.args.length }
      })
      const { worker } = await harness.startWorker({ name: 'w2@here' })
      const result = await about.applyAsync([1], { headers: { tenant: 'acme' }, priority: 7, softTimeLimit: '20s' })
      const request = (await result.get({ timeout: '25s' })) as unknown as Record<string, unknown>
      assert.equal(request['id'], result.id)
      assert.equal(request['hostname'], worker.name)
      assert.equal(request['retries'], 0)
      assert.deepEqual(request['headers'], { tenant: 'acme' })
      assert.deepEqual(request['deliveryInfo'], { queue: 'celery', priority: 7, redelivered: false, deliveryCount: 1 })
      assert.deepEqual(request['timeLimit'], { hard: 60, soft: 20 })
      assert.equal(request['rootId'], result.id)
    })
  })

  describe(`worker on ${store.name}: retries`, () => {
    it('runs again until it succeeds, the message unchanged but for the count', async () => {
      await using harness = await openHarness(store)
      const seen: unknown[] = []
      const flaky = harness.app.task(
        'demo.flaky',
        { retryDelay: '10ms' },
        function (this: TaskContext, x: { n: number }) {
          seen.push([this.request.id, this.request.retries, this.request.headers, x])
          if (this.request.retries < 2) this.retry({ error: new Error('not yet') })
          return x.n
        },
      )
      await harness.startWorker()
      const result = await flaky.applyAsync([{ n: 42 }], { headers: { tenant: 'acme' } })
      assert.equal(await result.get({ timeout: '25s' }), 42)
      assert.deepEqual(
        seen,
        [0, 1, 2].map((retries) => [result.id, retries, { tenant: 'acme' }, { n: 42 }]),
      )
    })

    it('fails with the reason once no retries are left', async () => {
      await using harness = await openHarness(store)
      let attempts = 0
      const hopeless = harness.app.task('demo.hopeless', { retryDelay: 0, maxRetries: 2 }, () => {
        attempts++
        currentTask().retry({ error: new Error('still broken') })
      })
      const bare = harness.app.task('demo.bare', { retryDelay: 0, maxRetries: 1 }, () => currentTask().retry())
      await harness.startWorker()
      await assert.rejects((await hopeless.delay()).get({ timeout: '25s' }), /still broken/)
      assert.equal(attempts, 3)
      await assert.rejects((await bare.delay()).get({ timeout: '25s' }), /MaxRetriesExceeded/)
    })

    it('starts by itself for the listed errors, not for the excepted', async () => {
      await using harness = await openHarness(store)
      class Transient extends Error {}
      class Permanent extends Transient {}
      const attempts = new Map<string, number>()
      const work = harness.app.task(
        'demo.auto',
        { autoretryFor: [Transient], dontAutoretryFor: [Permanent], retryBackoff: '1ms', maxRetries: 2 },
        (kind: string) => {
          attempts.set(kind, (attempts.get(kind) ?? 0) + 1)
          throw kind === 'transient' ? new Transient('t') : kind === 'permanent' ? new Permanent('p') : new Error('o')
        },
      )
      await harness.startWorker()
      for (const kind of ['transient', 'permanent', 'other'])
        await assert.rejects((await work.delay(kind)).get({ timeout: '25s' }), TaskError)
      assert.deepEqual(Object.fromEntries(attempts), { transient: 3, permanent: 1, other: 1 })
    })

    it('stores RETRY with the reason while it waits', async () => {
      await using harness = await openHarness(store)
      const later = harness.app.task('demo.later', { retryDelay: '1h' }, () =>
        currentTask().retry({ error: new Error('busy') }),
      )
      await harness.startWorker()
      const result = await later.delay()
      const meta = await until('it is in RETRY', async () =>
        (await result.state()) === 'RETRY' ? result.meta() : undefined,
      )
      assert.match(JSON.stringify(meta.result), /busy/)
      const broker = await harness.app.openBroker()
      await until('the retry waits in the store', async () => (await broker.count('celery')) === 1)
    })

    it('does not retry by itself for a row that is gone', async () => {
      await using harness = await openHarness(store)
      let attempts = 0
      const gone = harness.app.task('demo.gone', { autoretryFor: [Error], retryDelay: 0 }, () => {
        attempts++
        throw new RowMissing('no row')
      })
      await harness.startWorker()
      await assert.rejects((await gone.delay()).get({ timeout: '25s' }), /RowMissing/)
      assert.equal(attempts, 1)
    })
  })

  describe(`worker on ${store.name}: time`, () => {
    it('does not start a call before its eta', async () => {
      await using harness = await openHarness(store)
      const when = harness.app.task('demo.when', () => Date.now())
      await harness.startWorker()
      const eta = new Date(Date.now() + 300)
      assert.ok((await (await when.applyAsync([], { eta })).get({ timeout: '25s' })) >= eta.getTime())
      const before = Date.now()
      assert.ok((await (await when.applyAsync([], { countdown: '200ms' })).get({ timeout: '25s' })) >= before + 200)
    })

    it('puts aside a message with an eta that came undelayed, as Python sends it', async () => {
      await using harness = await openHarness(store)
      harness.app.task('demo.add', () => Date.now())
      await harness.startWorker()
      const eta = new Date(Date.now() + 300)
      const message = rawMessage({ headers: { eta: eta.toISOString().replace('Z', '+00:00') } })
      await (await harness.app.openBroker()).publish([{ message, queue: 'celery' }])
      const ranAt = await harness.app.result<number>(String(message.headers['id'])).get({ timeout: '25s' })
      assert.ok(ranAt >= eta.getTime(), `ran ${eta.getTime() - ranAt} ms early`)
    })

    it('discards an expired call as REVOKED', async () => {
      await using harness = await openHarness(store)
      const late = harness.app.task('demo.late', () => assert.fail('ran'))
      const result = await late.applyAsync([], { expires: new Date(Date.now() - 1000) })
      await harness.startWorker()
      await assert.rejects(
        result.get({ timeout: '25s' }),
        (error) => error instanceof TaskRevoked && /expired/.test(error.message),
      )
    })

    it('tells a body by its signal that the soft limit passed', async () => {
      await using harness = await openHarness(store)
      const soft = harness.app.task('demo.soft', { softTimeLimit: '50ms' }, async () => {
        try {
          await currentTask().sleep('1m')
          return 'slept'
        } catch (error) {
          return error instanceof SoftTimeLimitExceeded ? 'cleaned up' : 'other'
        }
      })
      const unaware = harness.app.task('demo.unaware', { softTimeLimit: '50ms' }, () => currentTask().sleep('1m'))
      const limitless = harness.app.task('demo.limitless', () => currentTask().sleep('1m'))
      await harness.startWorker()
      assert.equal(await (await soft.delay()).get({ timeout: '25s' }), 'cleaned up')
      await assert.rejects((await unaware.delay()).get({ timeout: '25s' }), /SoftTimeLimitExceeded/)
      const ofCall = await limitless.applyAsync([], { softTimeLimit: '50ms' })
      await assert.rejects(ofCall.get({ timeout: '25s' }), /SoftTimeLimitExceeded/)
    })

    it('takes a time limit of 0 for none, of a task where the settings have one, and of the worker', async () => {
      await using harness = await openHarness(store, { task_time_limit: '30ms', task_soft_time_limit: '20ms' })
      const { app } = harness
      const body = async (): Promise<boolean> => {
        await new Promise((resolve) => setTimeout(resolve, 60))
        return currentTask().signal.aborted
      }
      const free = app.task('demo.free', { timeLimit: 0, softTimeLimit: 0 }, body)
      const limited = app.task('demo.limited', body)
      await harness.startWorker({ timeLimit: 0, softTimeLimit: 0 })
      assert.equal(await (await free.delay()).get({ timeout: '25s' }), false)
      await assert.rejects((await limited.delay()).get({ timeout: '25s' }), /TimeLimitExceeded/)
    })

    it('fails a body at the hard limit and does not accept what it still does', async () => {
      await using harness = await openHarness(store)
      const go = gate()
      const hard = harness.app.task('demo.hard', { timeLimit: '50ms' }, async () => {
        await go.opened
        return 'too late'
      })
      await harness.startWorker({ concurrency: 1 })
      const result = await hard.delay()
      await assert.rejects(result.get({ timeout: '25s' }), /TimeLimitExceeded/)
      go.open()
      // The abandoned body holds the only slot until it ends: once another task ran, its end is behind us.
      const next = harness.app.task('demo.next', () => 'next')
      assert.equal(await (await next.delay()).get({ timeout: '25s' }), 'next')
      assert.equal(await result.state(), 'FAILURE')
    })
  })

  describe(`worker on ${store.name}: revoke`, () => {
    it('discards a waiting call, also in a worker that starts later', async () => {
      await using harness = await openHarness(store)
      const ran: string[] = []
      const note = harness.app.task('demo.note', (name: string) => void ran.push(name))
      const [revoked, kept] = [await note.delay('revoked'), await note.delay('kept')]
      await revoked.revoke()
      await harness.startWorker({ concurrency: 1 })
      await kept.get({ timeout: '25s' })
      await assert.rejects(revoked.get({ timeout: '25s' }), TaskRevoked)
      const broker = await harness.app.openBroker()
      await until('the queue is empty', async () => (await broker.count('celery')) === 0)
      assert.deepEqual(ran, ['kept'])
      assert.equal(await revoked.state(), 'REVOKED')
    })

    it('stops a running body by its signal', async () => {
      await using harness = await openHarness(store)
      const started = gate()
      const long = harness.app.task('demo.long', async () => {
        started.open()
        await currentTask().sleep('1m')
      })
      await harness.startWorker()
      const result = await long.delay()
      await started.opened
      await result.revoke()
      await assert.rejects(result.get({ timeout: '25s' }), TaskRevoked)
      const broker = await harness.app.openBroker()
      await until(
        'nothing runs or waits',
        async () =>
          (await broker.count('celery')) === 0 && harness.lines.some((line) => line.message.includes('stopped')),
      )
      assert.equal(await result.state(), 'REVOKED')
    })

    it('does not accept what a body does that was terminated', async () => {
      await using harness = await openHarness(store)
      const [started, go, ended] = [gate(), gate(), gate()]
      const deaf = harness.app.task('demo.deaf', async () => {
        started.open()
        await go.opened
        setImmediate(() => ended.open())
        return 'done after all'
      })
      await harness.startWorker()
      const result = await deaf.delay()
      await started.opened
      await result.revoke({ terminate: true })
      await until('it is stopped', () => harness.lines.some((line) => line.message.includes('stopped')))
      go.open()
      await ended.opened
      assert.equal(await result.state(), 'REVOKED')
    })
  })

  describe(`worker on ${store.name}: messages it cannot use`, () => {
    const bad: Record<string, [Parameters<typeof rawMessage>[0], RegExp]> = {
      'a body that is not JSON': [{ body: 'this is not JSON' }, /JSON/],
      'a body that is no list of three': [{ body: '[[], {}]' }, /list \[args, kwargs, embed\]/],
      'a message without an id': [{ headers: { id: undefined } }, /\bid\b/],
      'an unknown content type': [
        {
          contentType: 'application/x-python-serialize',
          contentEncoding: 'binary',
          body: new Uint8Array([128, 4, 78, 46]),
        },
        /application\/x-python-serialize/,
      ],
      'a task name of 10 kB': [{ headers: { task: 'x'.repeat(10_000) } }, /task/],
      'an eta that is no date': [{ headers: { eta: 'tomorrow' } }, /eta/],
      'a value of an unknown type': [{ body: '[[{"__type__": "nope", "__value__": 1}], {}, null]' }, /nope/],
      'an unknown compression': [
        { headers: { compression: 'application/x-nope' }, body: new Uint8Array([1, 2, 3]) },
        /application\/x-nope/,
      ],
      'bytes that are no text': [{ body: new Uint8Array([0xff, 0xfe, 0, 1]) }, /./],
    }
    for (const [what, [message, reason]] of Object.entries(bad)) {
      it(`puts ${what} among the dead letters with the reason, and lives on`, async () => {
        await using harness = await openHarness(store)
        const add = harness.app.task('demo.add', (x: number, y: number) => x + y)
        await harness.startWorker()
        const death = await deathOfMessage(harness, rawMessage(message))
        assert.match(death.reason, reason)
        assert.equal(death.queue, 'celery')
        assert.equal(await (await add.delay(1, 1)).get({ timeout: '25s' }), 2)
      })
    }

    it('tells who waits that a message could not be read', async () => {
      await using harness = await openHarness(store)
      harness.app.task('demo.add', () => undefined)
      await harness.startWorker()
      for (const part of [{ body: '{' }, { headers: { eta: 'tomorrow' } }]) {
        const message = rawMessage(part)
        await deathOfMessage(harness, message)
        const result = harness.app.result(String(message.headers['id']))
        const isTold = (error: unknown): boolean =>
          error instanceof TaskError && /^DecodeError: The (text|header)/.test(error.message)
        await assert.rejects(result.get({ timeout: '25s' }), isTold)
      }
      assert.ok(harness.lines.every(({ fields }) => !/DecodeError: DecodeError/.test(String(fields['reason']))))
    })

    it('parks a task it does not know, and tells who waits', async () => {
      await using harness = await openHarness(store)
      await harness.startWorker()
      const result = await harness.app.send('demo.unheardOf', [1])
      await assert.rejects(result.get({ timeout: '25s' }), /NotRegistered/)
      const death = deathOf(await until('it is parked', async () => (await deadLetters(harness.app))[0]))
      assert.match(death.reason, /demo\.unheardOf/)
    })

    it('parks a message that names a model it does not know, and tells who waits', async () => {
      await using harness = await openHarness(store)
      harness.app.task('demo.take', (_order: unknown) => assert.fail('ran'))
      await harness.startWorker()
      const reference = '{"__type__": "model", "__value__": ["shop.Order", 42]}'
      const message = rawMessage({ headers: { task: 'demo.take' }, body: `[[${reference}], {}, null]` })
      const death = await deathOfMessage(harness, message)
      assert.match(death.reason, /shop\.Order/)
      await assert.rejects(harness.app.result(String(message.headers['id'])).get({ timeout: '25s' }), /UnknownModel/)
    })

    it('stops a message that comes back again and again', async () => {
      await using harness = await openHarness(store, { task_max_deliveries: 3 })
      let attempts = 0
      const bouncing = harness.app.task('demo.bouncing', () => {
        attempts++
        throw new Reject('not here', { requeue: true })
      })
      await harness.startWorker()
      const result = await bouncing.delay()
      await assert.rejects(result.get({ timeout: '25s' }), /WorkerLostError/)
      assert.equal(attempts, 3)
      assert.equal(deathOf(await until('it is dead', async () => (await deadLetters(harness.app))[0])).deliveries, 4)
    })

    it('drops what a body ignores and keeps what it rejects', async () => {
      await using harness = await openHarness(store)
      const ignored = harness.app.task('demo.ignored', () => {
        throw new Ignore()
      })
      const rejected = harness.app.task('demo.rejected', () => {
        throw new Reject('broken')
      })
      await harness.startWorker()
      const result = await ignored.delay()
      await rejected.delay()
      assert.equal(deathOf(await until('it is dead', async () => (await deadLetters(harness.app))[0])).reason, 'broken')
      assert.equal(await result.state(), 'PENDING')
      assert.equal(await (await harness.app.openBroker()).count('celery'), 0)
    })
  })

  describe(`worker on ${store.name}: odd bodies`, () => {
    const odd: Record<string, () => unknown> = {
      undefined: () => undefined,
      'a string': () => 'plain text',
      'a frozen object': () => Object.freeze({ a: 1 }),
      'an error with a getter that throws': () =>
        Object.defineProperty(new Error('outer'), 'message', {
          get: () => {
            throw new Error('inner')
          },
        }),
      'an error whose cause is itself': () => {
        const error = new Error('circle')
        error.cause = error
        return error
      },
      'a revoked proxy': () => {
        const { proxy, revoke } = Proxy.revocable({}, {})
        revoke()
        return proxy
      },
    }
    for (const [what, make] of Object.entries(odd)) {
      it(`fails a body that throws ${what}, and lives on`, async () => {
        await using harness = await openHarness(store)
        const thrower = harness.app.task('demo.thrower', () => {
          throw make()
        })
        const add = harness.app.task('demo.add', (x: number, y: number) => x + y)
        await harness.startWorker()
        await assert.rejects((await thrower.delay()).get({ timeout: '25s' }), TaskError)
        assert.equal(await (await add.delay(1, 1)).get({ timeout: '25s' }), 2)
      })
    }

    it('fails a body whose result cannot be written', async () => {
      await using harness = await openHarness(store)
      const circular = harness.app.task('demo.circular', () => {
        const value: Record<string, unknown> = {}
        value['self'] = value
        return value
      })
      await harness.startWorker()
      await assert.rejects((await circular.delay()).get({ timeout: '25s' }), /EncodeError/)
    })

    it('names the task that blocks the event loop', async () => {
      await using harness = await openHarness(store, { worker_block_warning: '50ms' })
      const busy = harness.app.task('demo.busy', () => {
        const end = performance.now() + 120
        while (performance.now() < end);
      })
      const busyLater = harness.app.task('demo.busyLater', async () => {
        await Promise.resolve()
        const end = performance.now() + 400
        while (performance.now() < end);
      })
      await harness.startWorker()
      await (await busy.delay()).get({ timeout: '25s' })
      const line = await until('it is named', () =>
        harness.lines.find((each) => each.message.includes('blocked the event loop')),
      )
      assert.equal(line.fields['taskName'], 'demo.busy')
      assert.ok(Number(line.fields['blocked']) >= 0.1)
      assert.match(line.message, /give it work that awaits, or run it apart/)
      await (await busyLater.delay()).get({ timeout: '25s' })
      await until('the loop is said to be blocked', () =>
        harness.lines.find((each) => each.message.includes('was blocked')),
      )
    })
  })

  describe(`worker on ${store.name}: order and stopping`, () => {
    it('runs higher priorities first', async () => {
      await using harness = await openHarness(store)
      const order: number[] = []
      const note = harness.app.task('demo.note', (priority: number) => void order.push(priority))
      for (const priority of [0, 3, 9, 6, 9, 1]) await note.applyAsync([priority], { priority })
      const { stopped } = await harness.startWorker({ concurrency: 1, drain: true })
      await stopped
      assert.deepEqual(order, [9, 9, 6, 3, 1, 0])
    })

    it('serves the queues it is told to, and routes by name', async () => {
      await using harness = await openHarness(store, { task_routes: { 'mail.*': 'mail' } })
      const ran: string[] = []
      const mail = harness.app.task('mail.send', () => void ran.push('mail'))
      const other = harness.app.task('other.work', () => void ran.push('other'))
      await mail.delay()
      await other.delay()
      const { stopped } = await harness.startWorker({ queues: ['mail'], drain: true })
      await stopped
      assert.deepEqual(ran, ['mail'])
      assert.equal(await (await harness.app.openBroker()).count('celery'), 1)
    })

    it('finishes what runs and gives back what waits, on a warm shutdown', async () => {
      await using harness = await openHarness(store)
      const [started, go] = [gate(), gate()]
      const slow = harness.app.task('demo.slow', async () => {
        started.open()
        await go.opened
        return 'finished'
      })
      const results = [await slow.delay(), await slow.delay(), await slow.delay()]
      const { worker, stopped } = await harness.startWorker({ concurrency: 1 })
      await started.opened
      worker.stop('warm')
      worker.stop('warm')
      const broker = await harness.app.openBroker()
      await until('what waits is given back, while a body still runs', async () => (await broker.count('celery')) === 2)
      go.open()
      await stopped
      assert.equal(await results[0]?.get({ timeout: '1s' }), 'finished')
      assert.equal(await (await harness.app.openBroker()).count('celery'), 2)
      assert.partialDeepStrictEqual(worker.shutdown, { how: 'warm', finished: 1, cutOff: 0 })
      assert.match(harness.lines.at(-1)?.message ?? '', /stopped .*finished.*given back/)
    })

    it('gives back what runs, on a cold shutdown, and its signal says why', async () => {
      await using harness = await openHarness(store)
      const started = gate()
      const deliveries: unknown[] = []
      let reason: unknown
      const slow = harness.app.task('demo.slow', async () => {
        deliveries.push(currentTask().request.deliveryInfo?.deliveryCount)
        started.open()
        await currentTask()
          .sleep('1m')
          .catch((error: unknown) => {
            reason = error
            throw error
          })
      })
      const result = await slow.delay()
      const { worker, stopped } = await harness.startWorker()
      await started.opened
      worker.stop('cold')
      await stopped
      assert.ok(reason instanceof WorkerShutdown)
      assert.equal(await (await harness.app.openBroker()).count('celery'), 1)
      assert.deepEqual(worker.shutdown, { how: 'cold', finished: 0, givenBack: 0, cutOff: 1 })
      assert.equal(await result.state(), 'PENDING')
      await harness.startWorker()
      await until('it runs again', () => deliveries.length === 2)
      assert.deepEqual(deliveries, [1, 1], 'it counts as a delivery that it was given back')
    })

    it('goes cold when the warm shutdown takes too long', async () => {
      await using harness = await openHarness(store)
      const started = gate()
      const stuck = harness.app.task('demo.stuck', () => {
        started.open()
        return new Promise<void>(() => {})
      })
      await stuck.delay()
      const { worker, stopped } = await harness.startWorker({ shutdownTimeout: '50ms' })
      await started.opened
      worker.stop('warm')
      await stopped
      assert.equal(await (await harness.app.openBroker()).count('celery'), 1)
    })

    it('acknowledges before the body where the task says so', async () => {
      await using harness = await openHarness(store)
      const started = gate()
      const early = harness.app.task('demo.early', { acksLate: false }, () => {
        started.open()
        return new Promise<void>(() => {})
      })
      await early.delay()
      const { worker, stopped } = await harness.startWorker()
      await started.opened
      worker.stop('cold')
      await stopped
      assert.equal(await (await harness.app.openBroker()).count('celery'), 0)
    })
  })

  describe(`worker on ${store.name}: signals`, () => {
    it('come in order, awaited, and an error in a listener changes nothing', async () => {
      await using harness = await openHarness(store)
      const { app } = harness
      const seen: string[] = []
      app.on('beforeTaskPublish', ({ headers }) => {
        headers['stamp'] = 'set by a signal'
        seen.push('beforeTaskPublish')
      })
      app.on('afterTaskPublish', () => void seen.push('afterTaskPublish'))
      app.on('taskPrerun', async ({ args }) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        seen.push(`taskPrerun ${args.join()}`)
      })
      app.on('taskPrerun', () => {
        throw new Error('a broken listener')
      })
      app.on('taskSuccess', ({ result }) => void seen.push(`taskSuccess ${String(result)}`))
      const over = gate()
      app.on('taskPostrun', ({ state }) => {
        seen.push(`taskPostrun ${state}`)
        over.open()
      })
      const add = app.task('demo.add', (x: number, y: number) => {
        seen.push(`body ${String(currentTask().request.headers['stamp'])}`)
        return x + y
      })
      await harness.startWorker()
      const result = await add.delay(1, 2)
      assert.equal(await result.get({ timeout: '25s' }), 3)
      await over.opened
      const order = seen.filter((name) => name !== 'afterTaskPublish')
      assert.deepEqual(order, [
        'beforeTaskPublish',
        'taskPrerun 1,2',
        'body set by a signal',
        'taskSuccess 3',
        'taskPostrun SUCCESS',
      ])
      assert.ok(
        harness.lines.some((line) => line.message.includes('listener') && line.fields['signal'] === 'taskPrerun'),
      )
    })

    it('tell of failures, retries and revoked tasks', async () => {
      await using harness = await openHarness(store)
      const { app } = harness
      const seen: string[] = []
      app.on('taskFailure', ({ error }) => void seen.push(`failure ${error.type}`))
      app.on('taskRetry', ({ retries }) => void seen.push(`retry ${retries}`))
      app.on('taskRevoked', ({ expired }) => void seen.push(`revoked ${expired}`))
      app.on('taskUnknown', ({ taskName }) => void seen.push(`unknown ${taskName}`))
      const fail = app.task('demo.fail', { autoretryFor: [TypeError], maxRetries: 1, retryDelay: 0 }, () => {
        throw new TypeError('bad')
      })
      await harness.startWorker()
      await assert.rejects((await fail.delay()).get({ timeout: '25s' }))
      await assert.rejects((await fail.applyAsync([], { expires: new Date(0) })).get({ timeout: '25s' }))
      await assert.rejects((await app.send('demo.nowhere')).get({ timeout: '25s' }))
      await until('all came', () => seen.length >= 4)
      assert.deepEqual(seen, ['retry 0', 'failure TypeError', 'revoked true', 'unknown demo.nowhere'])
    })
  })
}
