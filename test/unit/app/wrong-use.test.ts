import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import {
  Celeriac,
  chord,
  currentTask,
  ImproperlyConfigured,
  InvalidArguments,
  OperationalError,
  Unreachable,
  Worker,
} from '../../../src/index.ts'
import type { Broker } from '../../../src/brokers/broker.ts'
import { publishWithin } from '../../../src/app/publish-retry.ts'

function makeApp(): Celeriac {
  return new Celeriac('test', { broker: 'memory:', backend: 'memory:' })
}

describe('an app', () => {
  it('refuses options that it does not have, with the nearest name or where settings go', () => {
    assert.throws(
      () => new Celeriac('test', { brokr: 'redis://localhost', task_acks_late: false } as object),
      (error) =>
        error instanceof ImproperlyConfigured &&
        /brokr is no option of an app; did you mean broker\?/.test(error.message) &&
        /task_acks_late is no option of an app; settings go into settings: \{ … \}/.test(error.message),
    )
  })

  it('refuses brokers, loggers and settings that are none, and folders that are no list', () => {
    const wrong = { broker: 5, backend: null, logger: 'debug', settings: 'CELERY' } as object
    assert.throws(
      () => new Celeriac('test', wrong),
      (error) =>
        error instanceof ImproperlyConfigured &&
        /broker must be a URL such as 'redis:\/\/localhost', or one that is open, got 5/.test(error.message) &&
        /backend must be a URL.*got null/.test(error.message) &&
        /logger must be a logger such as that of pino, got "debug"/.test(error.message) &&
        /settings must be an object of settings, got "CELERY"/.test(error.message),
    )
    const app = makeApp()
    assert.throws(() => app.configFromObject(null as unknown as object), /needs an object of settings, got null/)
    assert.throws(
      () => app.autodiscoverTasks('./apps' as unknown as string[]),
      /list of folders or globs.*got "\.\/apps"/,
    )
  })

  it('refuses to listen for a signal that there is not, and without a listener', () => {
    const on = makeApp().on.bind(makeApp()) as unknown as (...given: unknown[]) => void
    assert.throws(
      () => on('taskSucces', () => 1),
      /InvalidArguments: "taskSucces" is no signal; did you mean taskSuccess\?/,
    )
    assert.throws(() => on('taskSuccess'), /app\.on\('taskSuccess'\) needs a function that listens, got nothing/)
  })

  it('refuses to look for a result without an id', () => {
    assert.throws(
      () => makeApp().result(undefined as unknown as string),
      /result\(\) needs the id of a task.*got nothing/,
    )
  })
})

describe('the definition of a task', () => {
  it('refuses lists that are none, and queues without a name', () => {
    const app = makeApp()
    const options = { autoretryFor: Error, throws: [RangeError, 'Oops'], parameters: 'x', queue: '', serializer: 5 }
    assert.throws(
      () => app.task('demo.wrong', options as object, () => 1),
      (error) =>
        error instanceof ImproperlyConfigured &&
        /autoretryFor must be a list of error classes or functions, got a function/.test(error.message) &&
        /throws must be a list of error classes or functions, got a list of 2/.test(error.message) &&
        /parameters must be a list of names, got "x"/.test(error.message) &&
        /queue must be a name of 1 to 200 characters, got ""/.test(error.message) &&
        /serializer must be a text, got 5/.test(error.message),
    )
  })

  it('refuses counts, validators and secrets that are none, and options behind the body', () => {
    const app = makeApp()
    const options = { maxRetries: '3', input: {}, output: String, secret: 'password' }
    assert.throws(
      () => app.task('demo.wrong', options as object, () => 1),
      (error) =>
        error instanceof ImproperlyConfigured &&
        /maxRetries must be a whole number or Infinity, got "3"/.test(error.message) &&
        /input must be a validator of Standard Schema, such as zod's, got an object/.test(error.message) &&
        /output must be a validator.*got a function/.test(error.message) &&
        /secret must be true, or a list of names and positions, got "password"/.test(error.message),
    )
    for (const maxRetries of [null, -1, 1.5]) {
      assert.throws(() => app.task('demo.wrong', { maxRetries } as object, () => 1), /maxRetries must be/)
    }
    app.task('demo.right', { maxRetries: Infinity, secret: ['token', 0], input: z.tuple([z.string()]) }, () => 1)
    const define = app.task.bind(app) as unknown as (...given: unknown[]) => void
    assert.throws(() => define('demo.late', () => 1, { maxRetries: 3 }), /options come before its body/)
  })

  it('says that the body is missing, also if nothing is given but a name', () => {
    const define = makeApp().task.bind(makeApp()) as unknown as (...given: unknown[]) => void
    assert.throws(() => define('demo.bodyless'), /task demo\.bodyless needs a function as its body, got nothing/)
    assert.throws(() => define('demo.bodyless', 5), /task demo\.bodyless needs a function as its body, got nothing/)
  })
})

describe('a call', () => {
  it('refuses names of tasks that no worker would read', async () => {
    const app = makeApp()
    await assert.rejects(app.send('', []), /the name of a task must be text of 1 to 1000 characters, got ""/)
    await assert.rejects(app.send('n'.repeat(1001), []), InvalidArguments)
  })

  it('shows what was given for an option as it was written', async () => {
    const task = makeApp().task('demo.task', () => 1)
    await assert.rejects(
      task.applyAsync([], { priority: '3' as unknown as number }),
      /priority must be 0\.\.9, got "3"/,
    )
    await assert.rejects(task.applyAsync([], { queue: '' }), /queue must be a name of 1 to 200 characters, got ""/)
    await assert.rejects(task.applyAsync([], { countdown: '5 minutes' as '5m' }), /got "5 minutes"/)
  })

  it('refuses texts, headers and stamps that are none', async () => {
    const task = makeApp().task('demo.task', () => 1)
    const wrong = { shadow: 5, argsRepr: ['a'], serializer: {}, headers: 'x', kwargs: [1] } as object
    await assert.rejects(task.applyAsync([], wrong), (error) => {
      assert.ok(error instanceof InvalidArguments)
      for (const line of [
        'kwargs must be an object, got a list of 1',
        'headers must be an object, got "x"',
        'shadow must be text, got 5',
        'argsRepr must be text, got a list of 1',
        'serializer must be text, got an object',
      ])
        assert.ok(error.message.includes(line), `${line} is not in ${error.message}`)
      return true
    })
    await assert.rejects(task.applyAsync([], { stamps: [1] as never }), /stamps must be an object, got a list of 1/)
  })

  it('refuses modes of dispatch that there are not, and texts in the place of true and false', async () => {
    const app = makeApp()
    const task = app.task('demo.task', () => 1)
    const wrong = { dispatch: 'outbx', ignoreResult: 'no', retry: 1 } as object
    await assert.rejects(task.applyAsync([], wrong), (error) => {
      assert.ok(error instanceof InvalidArguments)
      assert.match(error.message, /dispatch must be one of auto, afterCommit, outbox, now; got "outbx"/)
      assert.match(
        error.message,
        /ignoreResult must be true or false, got "no"[\s\S]*retry must be true or false, got 1/,
      )
      return true
    })
    assert.throws(() => app.task('demo.other', { dispatch: 'outbx' } as object, () => 1), /dispatch must be one of/)
  })

  it('refuses times after the year 9999 by the name of the option', async () => {
    const task = makeApp().task('demo.task', () => 1)
    await assert.rejects(task.applyAsync([], { countdown: 1e12 }), /countdown .*must end before the year 10000/)
    await assert.rejects(task.applyAsync([], { expires: 1e12 }), /expires .*must end before the year 10000/)
    await assert.rejects(task.applyAsync([], { eta: new Date(8.64e15) }), /eta must be before the year 10000/)
  })

  it('names the argument that cannot be sent', async () => {
    const task = makeApp().task('demo.task', (...given: unknown[]) => given)
    await assert.rejects(task.delay(1, { seen: new Map() }), (error) => {
      assert.match(String(error), /^EncodeError: demo\.task: \$\.args\[1\]\.seen is a Map/)
      assert.ok(error instanceof Error && !('cause' in error), 'Node would show a cause that is undefined')
      return true
    })
    await assert.rejects(task.applyAsync([], { kwargs: { seen: new Set() } }), /demo\.task: \$\.kwargs\.seen is a Set/)
  })

  it('names the header or stamp that cannot be sent, on every broker', async () => {
    const task = makeApp().task('demo.task', () => 1)
    const endless: Record<string, unknown> = {}
    endless['again'] = endless
    await assert.rejects(
      task.applyAsync([], { headers: { endless } }),
      /^EncodeError: demo\.task: \$\.headers\.endless\.again contains itself/,
    )
    await assert.rejects(task.applyAsync([], { stamps: { seen: new Set() } }), /demo\.task: \$\.stamps\.seen is a Set/)
    await assert.rejects(
      task.applyAsync([], { headers: { big: 'x'.repeat(17e6) } }),
      /the headers take 17000\d+ bytes, more than task_max_message_size/,
    )
    await task.applyAsync([], { headers: { at: new Date(), tenant: undefined }, stamps: { user: 1n } })
  })

  it('takes only signatures as callbacks', async () => {
    const task = makeApp().task('demo.task', () => 1)
    const wrong = task as never
    await assert.rejects(
      task.applyAsync([], { link: wrong }),
      /InvalidArguments: link takes signatures.*got a function/,
    )
    await assert.rejects(
      task.applyAsync([], { linkError: ['demo.task' as never] }),
      /linkError takes.*got "demo\.task"/,
    )
    assert.throws(() => task.s().link(wrong), /link takes signatures/)
    assert.throws(
      () => chord([task.s()] as never, task.s() as never),
      /got a list of 1; put it into group\(\), or spread it/,
    )
  })

  it('names an option of a retry that there is not', async () => {
    const settings = { task_always_eager: true }
    const app = new Celeriac('test', { broker: 'memory:', backend: 'memory:', settings })
    const task = app.task('demo.task', () => currentTask().retry({ exc: new Error('no') } as object))
    const result = await task.delay()
    await assert.rejects(
      result.get(),
      /InvalidArguments: exc is no option of retry\(\); did you mean countdown, eta, error, maxRetries\?/,
    )
  })

  it('needs a list of lists for many', async () => {
    const task = makeApp().task('demo.task', (given: unknown) => given)
    await assert.rejects(
      task.delayMany(undefined as unknown as []),
      /demo\.task\.delayMany needs a list of lists of arguments, got nothing/,
    )
    await assert.rejects(task.delayMany(5 as unknown as []), InvalidArguments)
  })
})

describe('a result', () => {
  it('refuses what it would wait for ever with', async () => {
    const result = makeApp().result('some-id')
    await assert.rejects(
      async () => result.get(5 as unknown as object),
      /get\(\) takes options, such as \{ timeout: …, signal: … \}; got 5/,
    )
    await assert.rejects(
      async () => result.get({ timout: 5 } as object),
      /timout is no option of get\(\); did you mean timeout\?/,
    )
  })

  it('refuses to revoke what is no id', async () => {
    const app = makeApp()
    await assert.rejects(app.revoke(undefined as unknown as string), /revoke\(\) needs the id of a task.*got nothing/)
    await assert.rejects(app.control.revoke(['a', ''] as string[]), InvalidArguments)
    await app.close()
  })
})

describe('a worker', () => {
  it('needs an app, and says where one that is missing may have gone', () => {
    const make = (app: unknown) => () => new Worker(app as Celeriac)
    assert.throws(
      make(undefined),
      /needs a Celeriac; got nothing: is it imported from a module that imports this one\?/,
    )
    assert.throws(make('./app.ts'), /new Worker\(app\) needs a Celeriac; got "\.\/app\.ts"/)
  })

  it('refuses options that it does not have, and queues that are no list of names', () => {
    const make = (options: object): Worker => new Worker(makeApp(), options)
    assert.throws(() => make({ concurency: 3 }), /concurency is no option of a worker; did you mean concurrency\?/)
    assert.throws(() => make({ queues: 'mail' }), /queues must be a list of names, got "mail"/)
    assert.throws(() => make({ queues: [] }), /queues must be a list of names, got a list of 0/)
    assert.throws(() => make({ autoscale: '10,2' }), /autoscale must be \{ max, min \}, got "10,2"/)
    assert.throws(() => make({ concurrency: '3' }), /concurrency must be a whole number from 1, got "3"/)
  })
})

describe('a call while the broker cannot be reached', () => {
  it('leaves it to the broker to say what became of the message', async () => {
    const publish = async (_: unknown, { giveUpAt }: { readonly giveUpAt: number }): Promise<never> => {
      await new Promise((resolve) => setTimeout(resolve, giveUpAt - Date.now()))
      throw new OperationalError('the connection was lost; it was not carried out')
    }
    const limits = { timeoutMs: 1000, retry: true, policy: undefined }
    await assert.rejects(
      publishWithin(() => ({ publish }) as unknown as Broker, [], limits),
      /lost; it was not carried out/,
    )
  })

  it('says so when its time is over, with the reason of the last attempt', async () => {
    const unreachable = async (): Promise<never> => {
      await new Promise((resolve) => setTimeout(resolve, 40))
      throw new Unreachable('Redis at nowhere:1 cannot be reached: ECONNREFUSED')
    }
    const limits = { timeoutMs: 100, retry: true, policy: undefined }
    await assert.rejects(publishWithin(unreachable, [], limits), (error) => {
      assert.ok(error instanceof Unreachable)
      assert.match(
        error.message,
        /nowhere:1 cannot be reached: ECONNREFUSED.*nothing was sent.*0\.1 s \(task_publish_timeout\)/,
      )
      return true
    })
  })
})
