import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import {
  AlreadyRegistered,
  Celeriac,
  currentApp,
  currentTask,
  EncodeError,
  ImproperlyConfigured,
  InvalidArguments,
  sharedTask,
  TaskError,
  type TaskContext,
} from '../../../src/index.ts'

function makeApp(settings: object = {}): Celeriac {
  return new Celeriac('test', { broker: 'memory:', backend: 'memory:', settings })
}

async function waiting(
  app: Celeriac,
  queue = 'celery',
): Promise<readonly { readonly headers: Readonly<Record<string, unknown>>; readonly body: string | Uint8Array }[]> {
  const broker = await app.openBroker()
  return (await broker.peek?.(queue, { offset: 0, limit: 1000 })) ?? []
}

describe('defining a task', () => {
  it('refuses a name twice, naming both places', () => {
    const app = makeApp()
    app.task('demo.twice', () => 1)
    assert.throws(
      () => app.task('demo.twice', () => 2),
      (error) =>
        error instanceof AlreadyRegistered && (error.message.match(/calls\.test\.ts:\d+:\d+/g) ?? []).length === 2,
    )
  })

  it('refuses a shared task of the same name, in either order', () => {
    const app = makeApp()
    sharedTask('demo.calls.shared', () => 1)
    assert.throws(() => app.task('demo.calls.shared', () => 2), AlreadyRegistered)
    assert.throws(() => sharedTask('demo.calls.shared', () => 2), AlreadyRegistered)
  })

  it('names every wrong option at once, with the nearest known one', () => {
    const app = makeApp()
    assert.throws(
      () => app.task('demo.wrong', { maxRetrys: 3, timeLimit: 'soon', priority: 12 } as object, () => 1),
      (error) =>
        error instanceof ImproperlyConfigured &&
        /maxRetrys.*did you mean maxRetries/.test(error.message) &&
        /timeLimit.*soon/.test(error.message) &&
        /priority must be 0\.\.9, got 12/.test(error.message),
    )
  })

  it('refuses a soft limit above the hard one, a missing body and an empty name', () => {
    const app = makeApp()
    assert.throws(() => app.task('demo.limits', { timeLimit: '1s', softTimeLimit: '2s' }, () => 1), /softTimeLimit/)
    assert.throws(() => app.task('demo.bodyless', {}, undefined as unknown as () => void), /needs a function/)
    assert.throws(() => app.task('', () => 1), ImproperlyConfigured)
  })

  it('belongs to every app if it is shared, and a call goes through the current one', async () => {
    const shared = sharedTask('demo.calls.everywhere', (x: number) => x)
    const [first, second] = [makeApp(), makeApp()]
    assert.ok(first.tasks.has('demo.calls.everywhere') && second.tasks.has('demo.calls.everywhere'))
    assert.equal(currentApp(), second)
    await shared.delay(1)
    assert.equal((await waiting(second)).length, 1)
    assert.equal((await waiting(first)).length, 0)
  })
})

describe('calling a task directly', () => {
  it('runs it here, with a context that says so', async () => {
    const app = makeApp()
    const add = app.task('demo.add', (x: number, y: number) => x + y)
    const about = app.task('demo.about', function (this: TaskContext) {
      return [this.request.calledDirectly, currentTask().request.task]
    })
    assert.equal(await add(2, 3), 5)
    assert.deepEqual(await about(), [true, 'demo.about'])
    assert.throws(() => currentTask(), ImproperlyConfigured)
  })
})

describe('a call', () => {
  it('refuses what cannot travel, with its path', async () => {
    const app = makeApp()
    const take = app.task('demo.take', (value: unknown) => value)
    class Money {
      readonly amount = 1
    }
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    for (const [value, path] of [
      [{ deep: [circle] }, /self/],
      [{ callback: () => 1 }, /callback/],
      [[new Money()], /Money/],
      [new Map(), /Map/],
      [{ __type__: 'nope', __value__: 1 }, /__type__/],
    ] as const) {
      await assert.rejects(
        take.delay(value),
        (error) => error instanceof EncodeError && path.test(error.message),
        String(path),
      )
    }
    assert.equal((await waiting(app)).length, 0)
  })

  it('refuses arguments above task_max_message_size', async () => {
    const app = makeApp({ task_max_message_size: 1000 })
    const take = app.task('demo.take', (value: string) => value.length)
    await assert.rejects(take.delay('x'.repeat(1001)), /1000/)
    await take.delay('x'.repeat(500))
    await assert.rejects(makeApp().send('demo.big', ['x'.repeat(50_000_000)]), /task_max_message_size/)
  })

  it('names every wrong option at once', async () => {
    const app = makeApp()
    await assert.rejects(
      app.send('demo.take', [], {
        countdwon: 1,
        priority: 99,
        eta: new Date('x'),
        taskId: '',
        headers: { id: 'mine' },
      } as object),
      (error) =>
        error instanceof InvalidArguments &&
        [
          'did you mean countdown',
          'priority must be 0..9',
          'eta must be a valid Date or',
          'taskId',
          'headers.id',
        ].every((part) => error.message.includes(part)),
    )
  })

  it('is validated before it is sent, and its arguments parsed in the worker', async () => {
    const app = makeApp({ task_always_eager: true })
    const parse = app.task(
      'demo.parse',
      { input: z.tuple([z.string().transform((text) => text.length)]) },
      (length: unknown) => length,
    )
    await assert.rejects(
      app.tasks.get('demo.parse')?.delay(42 as never) ?? Promise.resolve(),
      /demo\.parse.*wrong arguments[\s\S]*\$\[0\]/,
    )
    assert.equal(await (await parse.delay('four')).get(), 4)
    const output = app.task('demo.output', { output: z.object({ ok: z.literal(true) }) }, () => ({ ok: false }))
    await assert.rejects((await output.delay()).get(), /returned a wrong result/)
  })

  it('writes the headers Celery 5.6 expects', async () => {
    const app = makeApp()
    const task = app.task('demo.headers', { timeLimit: 30 }, (_x: number) => undefined)
    const result = await task.applyAsync([2], {
      headers: { tenant: 'acme' },
      kwargs: { y: 'three' },
      softTimeLimit: '20s',
      shadow: 'pretty',
      countdown: 60,
    })
    const [message] = await waiting(app)
    const headers = message?.headers ?? {}
    assert.equal(headers['task'], 'demo.headers')
    assert.equal(headers['id'], result.id)
    assert.equal(headers['root_id'], result.id)
    assert.deepEqual(headers['timelimit'], [null, 20])
    assert.equal(headers['argsrepr'], '(2,)')
    assert.equal(headers['kwargsrepr'], "{'y': 'three'}")
    assert.equal(headers['tenant'], 'acme')
    assert.equal(headers['shadow'], 'pretty')
    assert.match(String(headers['eta']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/)
    assert.match(String(headers['origin']), /^gen\d+@/)
    assert.equal(message?.body, '[[2],{"y":"three"},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]')
  })

  it('shows what it is told instead of the arguments', async () => {
    const app = makeApp()
    await app.send('demo.secret', ['4111111111111111'], { argsRepr: '(<card>)' })
    assert.equal((await waiting(app))[0]?.headers['argsrepr'], '(<card>)')
  })

  it('goes to the queue of the call, the task, the route, or the default, in this order', async () => {
    const app = makeApp({
      task_routes: { 'mail.*': { queue: 'routed', priority: 3 }, '*': 'rest' },
      task_default_queue: 'unused',
    })
    const own = app.task('mail.own', { queue: 'own' }, () => undefined)
    await own.applyAsync([], { queue: 'called' })
    await own.delay()
    await app.send('mail.other')
    await app.send('else')
    const broker = await app.openBroker()
    for (const queue of ['called', 'own', 'routed', 'rest']) assert.equal(await broker.count(queue), 1, queue)
  })

  it('is made many times from any iterable', async () => {
    const app = makeApp()
    const take = app.task('demo.take', (x: number) => x)
    async function* numbers(): AsyncGenerator<[number]> {
      for (let n = 0; n < 1234; n++) yield [n]
    }
    const results = await take.delayMany(numbers())
    assert.equal(new Set(results.map((result) => result.id)).size, 1234)
    assert.equal(await (await app.openBroker()).count('celery'), 1234)
    await assert.rejects(take.delayMany([[1], [2]], { taskId: 'same' }), InvalidArguments)
  })
})

describe('eager mode', () => {
  it('runs the call in the caller, arguments and result through their wire form', async () => {
    const app = makeApp({ task_always_eager: true })
    const given = { list: [1, new Date(0)], dropped: undefined }
    let got: unknown
    const echo = app.task('demo.echo', (value: unknown) => {
      got = value
      return value
    })
    const result = await echo.delay(given)
    assert.notEqual(got, given)
    assert.deepEqual(got, { list: [1, new Date(0)] })
    assert.deepEqual(await result.get(), { list: [1, new Date(0)] })
    assert.equal(await result.state(), 'SUCCESS')
    assert.equal((await waiting(app)).length, 0)
  })

  it('retries at once, keeps failures, and throws them where it is told to', async () => {
    const app = makeApp({ task_always_eager: true })
    const flaky = app.task('demo.flaky', { retryDelay: '1h' }, () => {
      const { retries } = currentTask().request
      if (retries < 2) currentTask().retry({ error: new Error('not yet') })
      return retries
    })
    assert.equal(await (await flaky.delay()).get(), 2)
    const fail = (each: Celeriac) =>
      each.task('demo.fail', () => {
        throw new Error('broken')
      })
    await assert.rejects((await fail(app).delay()).get(), TaskError)
    const strict = makeApp({ task_always_eager: true, task_eager_propagates: true })
    await assert.rejects(fail(strict).delay(), /broken/)
  })

  it('stores its results where it is told to', async () => {
    const app = makeApp({ task_always_eager: true, task_store_eager_result: true })
    const { id } = await app.task('demo.one', () => 1).delay()
    assert.equal(await app.result(id).get({ timeout: '1s' }), 1)
  })
})
