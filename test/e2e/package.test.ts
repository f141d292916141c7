import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { freePort } from '../services/free-port.ts'
import { Consumer, type Manifest } from './package-consumer.ts'

const tsc = path.resolve('node_modules/.bin/tsc')
const wanted = /^(Error: )?celeriac needs Node 24 or newer, this is Node (\S+?)[;:].*npm i -D node@24.*nvm install 24/m

const typed = `import { Celeriac, Worker, currentTask, sharedTask, type AsyncResult, type Task } from 'celeriac'

export const app: Celeriac = new Celeriac('consumer', { broker: 'memory:', backend: 'memory:' })
export const add: Task<[x: number, y: number], number> = app.task('consumer.add', (x: number, y: number) => x + y)
export const shared = sharedTask('consumer.shared', () => currentTask().request.id)
export const result: Promise<AsyncResult<number>> = add.delay(1, 2)
export const worker: Worker = new Worker(app, { concurrency: 2 })
// @ts-expect-error the argument must be a number
export const wrong = add.delay('1', 2)
`

/** Everything that a program gets from an app without saying its type. */
const inferred = `import { Celeriac, Worker, chain, chord, currentTask, group, model, value } from 'celeriac'
import { typeorm } from 'celeriac/typeorm'

declare class Order { id: number; pay(cents: number): string }
declare const dataSource: Parameters<typeof typeorm>[0]
export const orm = typeorm(dataSource, { app: 'shop' })
export const app = new Celeriac('consumer', { broker: 'memory:' })
export const { config, events, models, transactions, tasks, control, log } = app
export const transaction = () => app.transactions.current()
export const stores = () => [app.openBroker(), app.openBackend()] as const
export const { pool, health, shutdown } = new Worker(app)
export const pay = app.task('shop.pay', [model(Order), value<number>()], (order, cents) => order.pay(cents))
export const add = app.task('shop.add', async (x: number, y?: number) => x + (y ?? 0))
export const methods = app.methods(Order, ['pay'], { label: 'shop.Order' })
export const signed = (order: Order) => [app.s(order).pay(), app.delay(order), add.s(1), add.in({})] as const
export const chained = chain(add.s(1, 2), add.s(3))
export const sum = app.task('shop.sum', (all: readonly number[]) => all.length)
export const called = () => chord(group(add.s(1, 2)), sum.s()).delay()
export const request = () => currentTask().request
export const explained = () => app.explain('some-id')
`

let consumer: Consumer
let manifest: Manifest

before(async () => {
  consumer = await Consumer.create()
  const file = path.join(consumer.folder, 'node_modules/celeriac/package.json')
  manifest = JSON.parse(await fs.readFile(file, 'utf8')) as Manifest
})

after(() => consumer[Symbol.asyncDispose]())

/** A Node below 24 on the PATH. */
function oldNode(): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    const file = path.join(folder, 'node')
    try {
      if (Number.parseInt(execFileSync(file, ['--version'], { encoding: 'utf8' }).slice(1), 10) < 24) return file
    } catch {
      // No Node there.
    }
  }
  return undefined
}

describe('the package', () => {
  it('holds no tests, fixtures or demo', async () => {
    const files = await fs.readdir(path.join(consumer.folder, 'node_modules/celeriac'))
    assert.deepEqual(
      files.filter((name) => /^(test|demo|bench|examples|node_modules)$/.test(name)),
      [],
    )
  })

  for (const resolution of ['nodenext', 'bundler'] as const) {
    it(`gives a TypeScript program its types with skipLibCheck off (${resolution})`, async () => {
      const folder = `typed-${resolution}`
      const module =
        resolution === 'bundler' ? { module: 'esnext', moduleResolution: 'bundler' } : { module: 'nodenext' }
      const compilerOptions = {
        ...module,
        target: 'es2024',
        types: ['node'],
        strict: true,
        skipLibCheck: false,
        noEmit: true,
      }
      await consumer.write({
        [`${folder}/index.ts`]: typed,
        [`${folder}/tsconfig.json`]: JSON.stringify({ compilerOptions }),
      })
      const { code, out } = await consumer.run(tsc, ['-p', folder])
      assert.equal(code, 0, out)
    })
  }

  it('lets a library emit declarations of what it made with it', async () => {
    const compilerOptions = {
      module: 'nodenext',
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      declaration: true,
      emitDeclarationOnly: true,
      outDir: 'out',
    }
    await consumer.write({
      'emitted/index.ts': inferred,
      'emitted/tsconfig.json': JSON.stringify({ compilerOptions, files: ['index.ts'] }),
    })
    const { code, out } = await consumer.run(tsc, ['-p', 'emitted'])
    assert.equal(code, 0, out)
  })

  it('runs in a plain ESM program', async () => {
    await consumer.write({
      'plain.mjs': `import { Celeriac, Worker } from 'celeriac'
const app = new Celeriac('plain', { broker: 'memory:plain', backend: 'memory:plain' })
const add = app.task('plain.add', (x, y) => x + y)
const worker = new Worker(app)
const running = worker.run()
const result = await add.delay(2, 3)
console.log(await result.get({ timeout: '30s' }))
worker.stop()
await running
await app.close()
`,
    })
    const { code, out, err } = await consumer.node(['plain.mjs'])
    assert.equal(code, 0, err)
    assert.equal(out.trim(), '5')
  })

  it('answers probes without prom-client, and with it tells metrics too', async () => {
    const health = `127.0.0.1:${await freePort()}`
    await consumer.write({
      'metrics.mjs': `import { Celeriac, Worker } from 'celeriac'
const app = new Celeriac('metrics', { broker: 'memory:', backend: 'memory:' })
const worker = new Worker(app, { healthPort: '${health}' })
const running = worker.run()
await worker.ready
for (const place of ['ready', 'metrics']) console.log((await fetch('http://${health}/' + place)).status)
worker.stop()
await running
await app.close()
`,
    })
    const without = await consumer.node(['metrics.mjs'])
    assert.deepEqual([without.code, without.out], [0, '200\n404\n'], without.err)
    await consumer.link('prom-client')
    const withIt = await consumer.node(['metrics.mjs'])
    assert.deepEqual([withIt.code, withIt.out], [0, '200\n200\n'], withIt.err)
  })

  it('runs tasks in threads and processes, of a program that is one file', async () => {
    await consumer.write({
      'pools.mjs': `import { Celeriac, Worker } from 'celeriac'
const app = new Celeriac('pools', { broker: 'sqlite:./pools.db' })
const where = app.task('pools.where', () => process.pid)
if (import.meta.main) {
  for (const pool of ['threads', 'processes']) {
    const result = await where.delay()
    await new Worker(app, { pool, concurrency: 1, drain: true }).run()
    console.log(pool, (await result.get()) === process.pid)
  }
  await app.close()
}
`,
    })
    const { code, out, err } = await consumer.node(['pools.mjs'])
    assert.deepEqual([code, out], [0, 'threads true\nprocesses false\n'], err)
  })

  it('may be required from CommonJS', async () => {
    await consumer.write({
      'common.cjs': "const { Celeriac } = require('celeriac')\nconsole.log(new Celeriac('common').name)\n",
    })
    assert.deepEqual(await consumer.node(['common.cjs']), { code: 0, out: 'common\n', err: '' })
  })

  it('resolves every subpath that it exports', async () => {
    const subpaths = Object.keys(manifest.exports).filter((name) => name !== './package.json')
    assert.ok(subpaths.includes('.'))
    // Peers that a subpath imports: who uses it has them.
    for (const peer of ['typeorm', '@opentelemetry/api']) await consumer.link(peer)
    const code = subpaths.map((name) => `await import('${path.posix.join('celeriac', name)}')`).join('\n')
    await consumer.write({ 'subpaths.mjs': code })
    const ran = await consumer.node(['subpaths.mjs'])
    assert.equal(ran.code, 0, ran.err)
  })

  it('has a bin', async () => {
    assert.deepEqual(await consumer.celeriac(['--version']), { code: 0, out: `${manifest.version}\n`, err: '' })
  })
})

describe('the bin of another copy, such as a global one,', () => {
  it('hands over to the copy that the app imports', async () => {
    const other = path.join(path.dirname(consumer.folder), 'other')
    await fs.cp(path.join(consumer.folder, 'node_modules/celeriac'), other, { recursive: true })
    await fs.writeFile(path.join(other, 'package.json'), JSON.stringify({ ...manifest, version: '99.0.0' }))
    assert.equal(
      (await consumer.node([path.join(other, 'bin/celeriac.mjs'), '--version'])).out,
      `${manifest.version}\n`,
    )
  })
})

describe('on a Node that is too old', () => {
  const old = oldNode()
  const library = `await import('celeriac').then(() => console.log('loaded'), (error) => console.log(String(error)))`

  it(
    'the bin says in one line what is needed and how to get it',
    { skip: old === undefined && 'no old Node on the PATH' },
    async () => {
      const { code, out, err } = await consumer.run(old ?? '', ['node_modules/celeriac/bin/celeriac.mjs', '--help'])
      assert.equal(code, 1)
      assert.equal(out, '')
      assert.equal(err.trim().split('\n').length, 1, err)
      assert.match(err, wanted)
    },
  )

  it(
    'the library throws one clear error instead of a syntax or link error',
    { skip: old === undefined && 'no old Node on the PATH' },
    async () => {
      await consumer.write({ 'old.mjs': library })
      const { out } = await consumer.run(old ?? '', ['old.mjs'])
      assert.match(out, wanted)
      assert.equal(out.trim().split('\n').length, 1, out)
    },
  )

  it('both look at the version before anything else', async () => {
    await consumer.write({
      'pretend.mjs': `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.1.0' } })`,
      'old.mjs': library,
    })
    const bin = await consumer.node(['--import', './pretend.mjs', 'node_modules/celeriac/bin/celeriac.mjs', 'report'])
    assert.equal(bin.code, 1)
    assert.equal(wanted.exec(bin.err)?.[2], '22.1.0')
    const imported = await consumer.node(['--import', './pretend.mjs', 'old.mjs'])
    assert.equal(wanted.exec(imported.out)?.[2], '22.1.0', imported.out)
  })
})
