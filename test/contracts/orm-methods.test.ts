import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify, inspect } from 'node:util'
import {
  ImproperlyConfigured,
  InvalidArguments,
  model,
  NotRegistered,
  RowMissing,
  value,
  type AsyncResult,
  type Task,
} from '../../src/index.ts'
import { until } from '../support/worker-harness.ts'
import { Animal, Cat, Dog, openShop, Order, User, type Shop } from './shop-lab.ts'

const soon = { timeout: 10 }
const root = path.resolve(import.meta.dirname, '../..')

function test(name: string, body: (shop: Shop) => Promise<void>): void {
  it(name, async () => {
    await using shop = await openShop()
    await body(shop)
  })
}

describe('methods of models as tasks', () => {
  test('run on a fresh instance, with the arguments of the call', async (shop) => {
    const { app } = shop
    const [ada, eve] = [await shop.save(User, { name: 'Ada' }), await shop.save(User, { name: 'Eve' })]
    const tasks = app.methods(User, ['welcome', 'introduce'], { queue: 'celery' })
    assert.deepEqual(
      [tasks.welcome.name, tasks.introduce.name, app.tasks.has('shop.User.welcome')],
      ['shop.User.welcome', 'shop.User.introduce', true],
    )
    const results = [
      await tasks.welcome.delay(ada, 'en'),
      await app.delay(ada).welcome('fr', 2),
      await app.delay(app.models.ref(User, ada.id)).introduce(eve),
    ]
    await shop.database.execute(`UPDATE shop_users SET name = 'Ada Lovelace' WHERE id = ${ada.id}`)
    await shop.startWorker()
    assert.deepEqual(await Promise.all(results.map((result) => result.get(soon))), [
      'en Ada Lovelace 1',
      'fr Ada Lovelace 2',
      'Ada Lovelace, this is Eve',
    ])
  })

  test('respect inheritance: what the class of the row overrides runs', async (shop) => {
    const { app } = shop
    const [rex, tom] = [await shop.save(Dog, { name: 'Rex' }), await shop.save(Cat, { name: 'Tom' })]
    app.methods(Animal, ['speak', 'eat'])
    app.methods(Cat, ['eat'], { queue: 'celery' })
    const broker = await app.openBroker()
    const results = [
      await app.delay(rex).speak(),
      await app.delay(tom).speak(),
      await app.delay(app.models.ref(Dog, rex.id)).eat('meat'),
      await app.delay(tom).eat('fish'),
      await app.delay<Animal>(tom).speak(),
    ]
    const names = (await broker.peek?.('celery', { limit: 10, offset: 0 }))?.map(({ headers }) => headers['task'])
    assert.deepEqual(names, [
      'shop.Animal.speak',
      'shop.Animal.speak',
      'shop.Animal.eat',
      'shop.Cat.eat',
      'shop.Animal.speak',
    ])
    await shop.database.execute(`UPDATE shop_animals SET kind = 'Cat' WHERE id = ${rex.id}`)
    await shop.startWorker()
    assert.deepEqual(await Promise.all(results.map((result) => result.get(soon))), [
      'Rex meows',
      'Tom meows',
      'Rex eats meat',
      'Tom eats fish',
      'Tom meows',
    ])
  })

  test('are only those that were registered, for instances of models in use', async (shop) => {
    const { app } = shop
    const ada = await shop.save(User, { name: 'Ada' })
    app.methods(User, ['welcome'])
    await assert.rejects(
      app.delay(ada).secret(),
      (error) => error instanceof NotRegistered && /User\.secret/.test(error.message),
    )
    await assert.rejects(
      (app.delay(ada) as unknown as Record<string, () => Promise<void>>)['constructor']?.() ?? Promise.resolve(),
      NotRegistered,
    )
    assert.throws(() => app.delay({ id: 1 }), InvalidArguments)
    assert.throws(() => app.delay(app.models.ref('py.Order', 1)), /no class is known for py\.Order\(1\)/)
    assert.throws(() => app.methods(User, ['name' as 'welcome']), ImproperlyConfigured)
    assert.throws(() => app.methods(User), /name the methods, or mark them/)
    assert.throws(() => app.methods(User, ['secret'], { missing: 'null' as 'error' }), /needs its instance/)
    class Unknown {
      go(): number {
        return 1
      }
    }
    assert.throws(() => app.methods(Unknown, ['go']), /no ORM in use knows the model Unknown/)
    assert.equal(app.methods(Unknown, ['go'], { label: 'shop.Unknown' }).go.name, 'shop.Unknown.go')
  })

  test('are no promise, so that awaiting them by mistake hangs nothing', async (shop) => {
    const delayed: unknown = shop.app.delay(await shop.save(User, { name: 'Ada' }))
    assert.equal(await delayed, delayed)
    assert.match(inspect(delayed), /Object/)
    assert.equal(JSON.stringify(delayed), '{}')
  })

  test('take the instance first, and by keyword what a chain put a result in front of', async (shop) => {
    const { app } = shop
    const [ada, eve] = [await shop.save(User, { name: 'Ada' }), await shop.save(User, { name: 'Eve' })]
    app.methods(User, ['welcome', 'introduce'])
    await app.delay(ada).welcome('en')
    const [message] = (await (await app.openBroker()).peek?.('celery', { limit: 1, offset: 0 })) ?? []
    const [args, kwargs] = JSON.parse(Buffer.from(message?.body ?? '').toString()) as [unknown[], object]
    const self = { __type__: 'model', __value__: ['shop.User', ada.id, { v: 1 }] }
    assert.deepEqual([args, kwargs], [[self, 'en'], {}])
    const chained = [
      await app.send('shop.User.welcome', ['previous result', 3], { kwargs: { self: ada } }),
      await app.send('shop.User.introduce', [eve], { kwargs: { self: ada } }),
    ]
    await shop.startWorker()
    assert.deepEqual(await Promise.all(chained.map((result) => result.get(soon))), [
      'previous result Ada 3',
      'Ada, this is Eve',
    ])
    for (const wrong of [
      await app.send('shop.User.welcome', ['result', ada]),
      await app.send('shop.User.welcome', [await shop.save(Order, { total: 1 })]),
    ]) {
      await assert.rejects(wrong.get(soon), /InvalidArguments|UnknownModel/)
    }
  })

  it('run in eager mode through the same pipeline', async () => {
    await using shop = await openShop('sqlite', { task_always_eager: true })
    const { app } = shop
    const ada = await shop.save(User, { name: 'Ada' })
    app.methods(User, ['welcome'])
    const pay = app.task('eager.pay', [model(User, { lock: 'share' }), value<number>()], (user, cents) => [
      user === ada,
      cents,
    ])
    assert.equal(await (await app.delay(ada).welcome('en')).get(), 'en Ada 1')
    assert.deepEqual(await (await pay.delay(ada, 5)).get(), [false, 5])
    assert.deepEqual(await pay(ada, 5), [true, 5])
    await assert.rejects(pay.delay({} as User, 5), InvalidArguments)
  })

  test('follow the policies and the transactions of any task', async (shop) => {
    const { app, dataSource } = shop
    const ada = await shop.save(User, { name: 'Ada' })
    app.methods(User, ['welcome'], { grace: 0 })
    await dataSource.transaction(async () => {
      await app.delay(ada).welcome('en')
      assert.equal(await (await app.openBroker()).count('celery'), 0)
    })
    const result = await app.delay(app.models.ref(User, 99)).welcome('en')
    await shop.startWorker()
    await assert.rejects(result.get(soon), new RegExp(RowMissing.name))
    await until(
      'both ran',
      () => shop.lines.filter(({ message }) => /succeeded|raised|failed/.test(message)).length >= 2,
    )
  })
})

const decorated = `import { taskMethod } from 'celeriac'
export class User {
  declare id: number
  declare name: string
  @taskMethod({ queue: 'mail' })
  welcome(lang: string): string { return lang + ' ' + this.name }
  @taskMethod()
  async bye(): Promise<string> { return 'bye ' + this.name }
  plain(): string { return 'not a task' }
}
`

describe('the decorator taskMethod()', () => {
  for (const kind of ['standard', 'legacy'] as const) {
    it(`marks methods for app.methods(), with ${kind} decorators`, async () => {
      await using shop = await openShop()
      const Compiled = await compile(kind)
      const fake = { label: 'blog.User', key: ['id'], handle: Compiled }
      shop.app.models.use({
        name: 'fake',
        models: () => [fake],
        identify: (row) => (row instanceof Compiled ? { model: fake, key: (row as unknown as User).id } : undefined),
        fetch: (_model, keys) => Promise.resolve(keys.map((id) => Object.assign(new Compiled(), { id, name: 'Ada' }))),
      })
      const tasks: Readonly<Record<string, Task | undefined>> = shop.app.methods(Compiled)
      assert.deepEqual(Object.keys(tasks).toSorted(), ['bye', 'welcome'])
      assert.equal(tasks['welcome']?.options.queue, 'mail')
      const ada = Object.assign(new Compiled(), { id: 5 })
      const delayed = shop.app.delay(ada) as unknown as Record<string, (lang: string) => Promise<AsyncResult<string>>>
      const result = await delayed['welcome']?.('en')
      await shop.startWorker({ queues: ['mail'] })
      assert.equal(await result?.get(soon), 'en Ada')
    })
  }
})

const base = {
  target: 'es2022',
  lib: ['es2024', 'esnext.disposable', 'esnext.error'],
  module: 'nodenext',
  strict: true,
  skipLibCheck: true,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
  types: ['node'],
  typeRoots: [path.join(root, 'node_modules/@types')],
}

/** Decorators need a compiler: Node's type stripping does not run them. Checked first, then written alone. */
async function compile(kind: 'standard' | 'legacy'): Promise<new () => object> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-decorators-'))
  const source = path.join(root, 'src/index.ts')
  const experimentalDecorators = kind === 'legacy'
  const options = { ...base, experimentalDecorators }
  const configs = {
    check: { ...options, noEmit: true, paths: { celeriac: [source] } },
    write: { ...options, allowImportingTsExtensions: false, noCheck: true, noResolve: true, types: [] },
  }
  try {
    await writeFile(path.join(folder, 'user.ts'), decorated)
    await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }')
    for (const [name, compilerOptions] of Object.entries(configs)) {
      const config = path.join(folder, `${name}.json`)
      await writeFile(config, JSON.stringify({ compilerOptions, files: ['user.ts'] }))
      await promisify(execFile)(path.join(root, 'node_modules/.bin/tsc'), ['-p', config])
    }
    const file = path.join(folder, 'user.js')
    await writeFile(file, (await readFile(file, 'utf8')).replace("'celeriac'", `'${pathToFileURL(source).href}'`))
    const { User: Compiled } = (await import(pathToFileURL(file).href)) as { readonly User: new () => object }
    return Compiled
  } finally {
    await rm(folder, { recursive: true })
  }
}
