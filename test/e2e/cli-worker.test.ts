import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'

const bin = path.resolve('bin/celeriac.mjs')
const index = JSON.stringify(path.resolve('src/index.ts'))
let folder = ''

before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-worker-'))
  await fs.writeFile(path.join(folder, 'package.json'), '{ "type": "module" }')
  await fs.writeFile(
    path.join(folder, 'app.ts'),
    `import { Celeriac, currentTask } from ${index}
export const app = new Celeriac('shop').autodiscoverTasks(['./mail'])
app.task('shop.add', (x: number, y: number) => x + y)
app.task('shop.fail', () => { throw new TypeError('no') })
app.task('shop.slow', async () => {
  currentTask().log.info({}, 'slow has begun')
  await new Promise((resolve) => setTimeout(resolve, 500))
  process.stdout.write('slow goes on\\n')
  await new Promise((resolve) => setTimeout(resolve, 100))
  return 'finished'
})
app.task('shop.forever', () => {
  const { log, signal } = currentTask()
  log.info({}, 'forever has begun')
  const { promise, reject } = Promise.withResolvers<never>()
  // A timer keeps the process alive, as a connection would.
  const timer = setInterval(() => undefined, 1000)
  signal.addEventListener('abort', () => { clearInterval(timer); reject(signal.reason) })
  return promise
})
`,
  )
  await fs.mkdir(path.join(folder, 'mail'))
  await fs.writeFile(
    path.join(folder, 'mail/tasks.ts'),
    `import { sharedTask } from ${index}\nexport const send = sharedTask('mail.send', (to: string) => 'sent to ' + to)\n`,
  )
})

after(() => fs.rm(folder, { recursive: true, force: true }))

/** One `celeriac` process with what it printed so far. */
class Process implements AsyncDisposable {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  out = ''
  err = ''
  readonly #listeners = new Set<() => void>()

  constructor(args: readonly string[], nodeOptions: readonly string[] = []) {
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(CELERY_|NODE_TEST_CONTEXT)/.test(name)),
    )
    this.child = spawn(process.execPath, [...nodeOptions, bin, ...args], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text))
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err += text
      for (const listener of this.#listeners) listener()
    })
    this.ended = once(this.child, 'close').then(([code]) => code as number | null)
  }

  /** Resolves once the log says it; rejects if the process ends before. */
  async says(text: string): Promise<void> {
    if (this.err.includes(text)) return
    const { promise, resolve } = Promise.withResolvers<'said'>()
    const listener = (): void => {
      if (this.err.includes(text)) resolve('said')
    }
    this.#listeners.add(listener)
    const how = await Promise.race([promise, this.ended])
    this.#listeners.delete(listener)
    if (how !== 'said' && !this.err.includes(text))
      assert.fail(`ended with ${how} before saying "${text}":\n${this.err}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
    await this.ended
  }
}

async function celeriac(
  ...args: string[]
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  await using run = new Process(args)
  const code = await run.ended
  return { code, out: run.out.trim(), err: run.err }
}

const app = ['-A', './app.ts']

describe('celeriac worker', () => {
  it('does not end without a word where modules await each other', async () => {
    const text = `import { Celeriac } from ${index}\nexport const app = new Celeriac('shop')\nawait import('./circle-tasks.ts')`
    await fs.writeFile(path.join(folder, 'circle.ts'), text)
    await fs.writeFile(
      path.join(folder, 'circle-tasks.ts'),
      "import { app } from './circle.ts'\nexport const mine = app",
    )
    const { code, err } = await celeriac('-A', './circle.ts', 'worker')
    assert.equal(code, 2)
    assert.match(
      err,
      /Cannot import .*circle\.ts: a top-level await in it.*has not ended\. Modules that await the import/,
    )
  })

  it('runs tasks that other processes call, and stops when asked', async () => {
    await using worker = new Process([...app, 'worker', '-l', 'INFO', '-c', '2', '-n', 'one@test'])
    await worker.says('ready')
    const sum = await celeriac(...app, 'call', 'shop.add', '-a', '[2, 3]', '--wait', '30s')
    assert.deepEqual([sum.code, sum.out], [0, '5'])
    const mail = await celeriac(...app, 'call', 'mail.send', '-a', '["ann"]', '--wait', '30s')
    assert.deepEqual([mail.code, mail.out], [0, "'sent to ann'"])
    const failure = await celeriac(...app, 'call', 'shop.fail', '--wait', '30s', '--json')
    assert.equal(failure.code, 1)
    assert.partialDeepStrictEqual(JSON.parse(failure.out), { state: 'FAILURE', error: 'TypeError: no' })
    worker.child.kill('SIGTERM')
    assert.equal(await worker.ended, 0)
    const lines = worker.err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly msg: string; readonly taskName?: string })
    assert.ok(
      lines.some((line) => line.taskName === 'shop.add' && line.msg.includes('succeeded in')),
      worker.err,
    )
  })

  const limits = ['--autoscale', '2,1', '--max-tasks-per-child', '100', '--max-memory-per-child', '2GB']
  for (const pool of ['threads', 'prefork']) {
    it(`runs tasks in ${pool}, which load the app as it does, and whose lines bear their names`, async () => {
      await using worker = new Process([...app, 'worker', '-P', pool, '-Q', pool, ...limits])
      await worker.says('ready')
      const mail = await celeriac(...app, 'call', 'mail.send', '-a', '["ann"]', '--queue', pool, '--wait', '30s')
      assert.deepEqual([mail.code, mail.out], [0, "'sent to ann'"])
      const { out: id } = await celeriac(...app, 'call', 'shop.slow', '--queue', pool)
      await worker.says('slow has begun')
      worker.child.kill('SIGTERM')
      assert.equal(await worker.ended, 0, worker.err)
      assert.match(worker.err, /"slot":"(thread|process)-\d".*slow has begun/)
      assert.equal((await celeriac(...app, 'result', id)).out, "'finished'")
    })
  }

  it('finishes what runs at the first signal', async () => {
    await using worker = new Process([...app, 'worker'])
    await worker.says('ready')
    const { out: id } = await celeriac(...app, 'call', 'shop.slow')
    await worker.says('slow has begun')
    worker.child.kill('SIGINT')
    assert.equal(await worker.ended, 0)
    assert.deepEqual(await celeriac(...app, 'result', id), { code: 0, out: "'finished'", err: '' })
  })

  for (const pool of ['async', 'prefork']) {
    it(`finishes what runs (${pool}) when its terminal is closed and nobody reads any more what it writes`, async () => {
      await using worker = new Process([...app, 'worker', '-P', pool, '-c', '1', '-Q', 'unread'])
      await worker.says('ready')
      const { out: id } = await celeriac(...app, 'call', 'shop.slow', '--queue', 'unread')
      await worker.says('slow has begun')
      worker.child.stdout?.destroy()
      worker.child.stderr?.destroy()
      worker.child.kill('SIGHUP')
      assert.equal(await worker.ended, 0)
      assert.equal((await celeriac(...app, 'result', id)).out, "'finished'")
    })
  }

  for (const signals of [['SIGTERM', 'SIGINT'], ['SIGQUIT']] as const) {
    it(`aborts what runs and gives it back at ${signals.join(' and ')}`, async () => {
      await using worker = new Process([...app, 'worker', '-Q', 'long'])
      await worker.says('ready')
      await celeriac(...app, 'call', 'shop.forever', '--queue', 'long')
      await worker.says('forever has begun')
      for (const signal of signals) {
        worker.child.kill(signal)
        await worker.says('shutdown')
      }
      assert.equal(await worker.ended, 1)
      assert.match(worker.err.trim().split('\n').at(-1) ?? '', /"finished":0,"givenBack":0,"cutOff":1/)
      const queues = await celeriac(...app, 'queues', '-Q', 'long', '--json')
      assert.deepEqual(JSON.parse(queues.out), [{ queue: 'long', waiting: 1, dead: 0 }])
      await celeriac(...app, 'purge', '-f', '-Q', 'long')
    })
  }

  it('puts a task that nobody defines among the dead letters, from where it may be sent back', async () => {
    const { out: id } = await celeriac(...app, 'call', 'shop.nope', '--queue', 'odd')
    const drained = await celeriac(...app, 'worker', '--drain', '-Q', 'odd')
    assert.equal(drained.code, 0, drained.err)
    const listed = await celeriac('dead', 'list', 'odd')
    assert.match(listed.out, new RegExp(`^${id} +shop\\.nope .*shop\\.nope`, 'm'))
    assert.equal((await celeriac('dead', 'redrive', 'odd', id)).out, '1 sent back to odd.')
    assert.deepEqual(JSON.parse((await celeriac('queues', '-Q', 'odd', '--json')).out), [
      { queue: 'odd', waiting: 1, dead: 0 },
    ])
  })

  it('takes an app with decorators through a loader of the user', async () => {
    await fs.writeFile(
      path.join(folder, 'loader.mjs'),
      `import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    return url.endsWith('decorated.ts') ? { ...loaded, source: String(loaded.source).replace('@traced', '') } : loaded
  },
})
`,
    )
    await fs.writeFile(
      path.join(folder, 'decorated.ts'),
      `import { Celeriac } from ${index}\nexport const app = new Celeriac('decorated')\nexport class Mail {\n  @traced send(): void {}\n}\n`,
    )
    const refused = await celeriac('-A', './decorated.ts', 'report')
    assert.equal(refused.code, 2)
    assert.match(refused.err, /decorators.*need a loader of yours.*--import/)
    await using loaded = new Process(['-A', './decorated.ts', 'report'], ['--import', './loader.mjs'])
    assert.equal(await loaded.ended, 0, loaded.err)
    assert.match(loaded.out, /^app +decorated /m)
    for (const pool of ['threads', 'processes']) {
      const args = ['-A', './decorated.ts', 'worker', '-P', pool, '-c', '1', '-Q', 'none', '--drain']
      await using worker = new Process(args, ['--import', './loader.mjs'])
      assert.equal(await worker.ended, 0, worker.err)
    }
  })

  it('ends with a message where it cannot start', async () => {
    await fs.writeFile(
      path.join(folder, 'broken.ts'),
      `import { Celeriac } from ${index}\nexport const app = new Celeriac('x', { settings: { imports: ['./nowhere.ts'] } })\n`,
    )
    const broken = await celeriac('-A', './broken.ts', 'worker')
    assert.equal(broken.code, 2)
    assert.match(broken.err, /^Error: imports: nothing matches '\.\/nowhere\.ts'/m)
  })
})
