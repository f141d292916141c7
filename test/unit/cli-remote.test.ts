import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Celeriac, Worker } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'
import { runCommandLine, type CommandLineRun } from '../support/command-line.ts'

const broker = `memory:cli-remote-${process.pid}`
const nodes = ['one@here', 'two@here'] as const
let folder = ''
let file = ''
let stop = (): Promise<unknown> => Promise.resolve()

/** Commands of the app are defined in its module, which the worker and the command line import. */
const moduleText = (library: string): string => `import { Celeriac } from ${JSON.stringify(library)}
export const app = new Celeriac('shop', { broker: ${JSON.stringify(broker)} })
app.task('shop.add', { rateLimit: '5/s' }, (x: number, y: number) => x + y)
app.inspectCommand('greet', { help: 'Greets.', args: { name: 'text', times: 'integer?' } }, (worker, { name, times = 1 }) => ({
  greeting: \`\${name} \`.repeat(times).trim(), by: worker.name,
}))
`

before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-cli-remote-'))
  file = path.join(folder, 'app.ts')
  await fs.writeFile(file, moduleText(path.resolve('src/index.ts')))
  const { app } = (await import(file)) as { readonly app: Celeriac }
  app.setLogger(createLogger({ level: 'silent' }))
  const workers = nodes.map((name) => new Worker(app, { name, queues: [name], withoutHeartbeat: true }))
  const stopped = workers.map((worker) => worker.run())
  await Promise.all(workers.map(({ ready }) => ready))
  stop = async () => {
    for (const worker of workers) worker.stop()
    await Promise.all(stopped)
    await app.close()
  }
})
after(async () => {
  await stop()
  await fs.rm(folder, { recursive: true, force: true })
})

const celeriac = (...args: readonly string[]): Promise<CommandLineRun> => runCommandLine(args)

const [one, two] = nodes

describe('celeriac inspect, control and status', () => {
  it('print what the workers say as Celery does', async () => {
    assert.deepEqual(await celeriac('-b', broker, 'inspect', 'ping', '-d', one), {
      code: 0,
      out: `->  ${one}: OK\n        pong\n\n1 node online.\n`,
      err: '',
    })
    const control = await celeriac('-b', broker, 'control', 'rate_limit', 'shop.add', '10/m', '-d', one)
    assert.equal(control.out, `->  ${one}: OK\n        new rate limit set successfully\n`)
    const refused = await celeriac('-b', broker, 'control', 'rate_limit', 'shop.nope', '10/m', '-d', one)
    assert.deepEqual([refused.code, refused.out], [0, `->  ${one}: ERROR\n        unknown task\n`])
    const empty = await celeriac('-b', broker, 'inspect', 'active', '-d', one, '-q')
    assert.equal(empty.out, `${one}: OK\n    - empty -\n`)
    const listed = await celeriac('-b', broker, 'inspect', 'registered', '-d', one)
    assert.match(listed.out, /^ {4}\* shop\.add \[rate_limit=10\/m\]$/m)
    const status = await celeriac('-b', broker, 'status', '-t', '300ms')
    for (const line of [`->  ${one}: OK`, `->  ${two}: OK`, '2 nodes online.']) assert.ok(status.out.includes(line))
  })

  it('print JSON in the forms of Celery', async () => {
    const pong = { ok: 'pong' }
    for (const flag of ['--json', '-j']) {
      const { out } = await celeriac('-b', broker, 'inspect', 'ping', '-d', `${one},${two}`, flag)
      assert.deepEqual(JSON.parse(out), { [one]: pong, [two]: pong })
    }
    const { out } = await celeriac('-b', broker, 'control', 'pool_grow', '2', '-d', one, '--json')
    assert.deepEqual(JSON.parse(out), [{ [one]: { ok: 'pool will grow' } }])
    assert.deepEqual(JSON.parse((await celeriac('-b', broker, 'status', '-d', two, '-j')).out), { [two]: pong })
  })

  it('know the commands of the app with -A', async () => {
    const { out } = await celeriac('-A', file, 'inspect', 'greet', 'you', '2', '-d', two, '--json')
    assert.deepEqual(JSON.parse(out), { [two]: { greeting: 'you you', by: two } })
    assert.match((await celeriac('-A', file, 'inspect', '--list')).out, /^ {2}greet <name> \[times\] +Greets\.$/m)
    assert.match((await celeriac('-b', broker, 'control', '--list')).out, /^ {2}pool_grow \[N=1\] /m)
  })

  it('end with 69 where nobody answers', async () => {
    for (const command of [['status'], ['inspect', 'stats'], ['control', 'shutdown']]) {
      const { code, out, err } = await celeriac('-b', broker, ...command, '-d', 'nobody@nowhere', '-t', '50ms')
      assert.deepEqual([code, out, err], [69, '', 'Error: No nodes replied within time constraint\n'])
    }
    const { code, err } = await celeriac('-b', `sqlite:${file}/q.db`, 'status')
    assert.equal(code, 69)
    assert.match(err, /^Error: .*app\.ts/)
  })

  const wrong: readonly [readonly string[], RegExp][] = [
    [['inspect'], /which command\? Available inspect commands: active, active_queues, /],
    [['inspect', 'pimg'], /Command pimg not recognized\. Did you mean ping\?/],
    [['inspect', 'shutdown'], /Command shutdown not recognized/],
    [['inspect', 'ping', 'x'], /Command ping: unexpected argument 'x'\. It is written ping/],
    [['control', 'rate_limit', 'shop.add'], /rate_limit is missing\. It is written rate_limit <task_name>/],
    [['control', 'pool_grow', 'many'], /n cannot be 'many'/],
    [['control', 'ping'], /not recognized/],
    [['status', '-t', 'soon'], /Expected seconds/],
  ]
  for (const [args, expected] of wrong) {
    it(`refuse "celeriac ${args.join(' ')}" with exit code 2`, async () => {
      const { code, err } = await celeriac('-b', broker, ...args)
      assert.match(err, expected)
      assert.equal(code, 2)
    })
  }
})
