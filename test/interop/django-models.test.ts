import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { DataSource, EntitySchema } from 'typeorm'
import { Celeriac, Worker } from '../../src/index.ts'
import { typeorm } from '../../src/orms/typeorm.ts'
import { createLogger } from '../../src/util/logger.ts'
import { pythonPeer } from '../services.ts'
import { rawMessage } from '../support/worker-harness.ts'

class Order {
  declare id: number
  declare reference: string
  declare version: number
}
class Token {
  declare id: string
  declare name: string
}
class Seat {
  declare row: number
  declare seat: string
  declare holder: string
}
class Ledger {
  declare id: string
}

/** Django's own tables. */
const entities = [
  new EntitySchema<Order>({
    target: Order,
    name: 'Order',
    tableName: 'shop_order',
    columns: {
      id: { type: 'integer', primary: true },
      reference: { type: 'varchar' },
      version: { type: 'integer', version: true },
    },
  }),
  new EntitySchema<Token>({
    target: Token,
    name: 'Token',
    tableName: 'shop_token',
    // Without dashes, as Django keeps it where the database has no such type.
    columns: {
      id: { type: 'varchar', primary: true, transformer: { to: undashed, from: dashed } },
      name: { type: 'varchar' },
    },
  }),
  new EntitySchema<Seat>({
    target: Seat,
    name: 'Seat',
    tableName: 'shop_seat',
    columns: {
      row: { type: 'integer', primary: true },
      seat: { type: 'varchar', primary: true },
      holder: { type: 'varchar' },
    },
  }),
  new EntitySchema<Ledger>({
    target: Ledger,
    name: 'Ledger',
    tableName: 'shop_ledger',
    columns: { id: { type: 'bigint', primary: true } },
  }),
]

type Recipe = 'kombu' | 'lazy'

const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e'
const peer = await pythonPeer()

describe('models between Django and TypeScript', { skip: 'missing' in peer ? peer.missing : false }, () => {
  let folder: string
  let source: DataSource
  let app: Celeriac

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-django-'))
    await django('kombu', 'create')
    const database = path.join(folder, 'rows.db')
    source = await new DataSource({ type: 'better-sqlite3', database, entities }).initialize()
    app = new Celeriac('shop', { broker: 'memory:django', logger: createLogger({ level: 'silent' }) })
    app.models.use(typeorm(source, { app: 'shop' }))
  })

  after(async () => {
    await app.close()
    await source.destroy()
    await rm(folder, { recursive: true })
  })

  async function django<T>(recipe: Recipe, command: string, request: object = {}): Promise<T> {
    const python = 'python' in peer ? peer.python : 'python3'
    const script = path.join(import.meta.dirname, 'django/peer.py')
    const running = promisify(execFile)(python, [script, recipe, path.join(folder, 'rows.db'), command], {
      timeout: 60_000,
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    })
    running.child.stdin?.end(JSON.stringify(request))
    const { stdout } = await running
    return (stdout === '' ? undefined : JSON.parse(stdout)) as T
  }

  /** The body of a message as TypeScript sends it. */
  async function sentBody(args: readonly unknown[]): Promise<string> {
    await app.send('shop.elsewhere', args, { queue: 'django' })
    const broker = await app.openBroker()
    const [message] = (await broker.peek?.('django', { offset: 0, limit: 1 })) ?? []
    await broker.purge('django')
    return String(message?.body)
  }

  for (const recipe of ['kombu', 'lazy'] as const) {
    it(`arrive at Django as its instances, decoded by ${recipe === 'kombu' ? "kombu's recipe" : 'celeriac_django'}`, async () => {
      const order = await source.manager.findOneByOrFail(Order, { id: 42 })
      const [token, seat] = [await source.manager.findOneByOrFail(Token, { id: uuid }), app.models.ref(Seat, [12, 'C'])]
      const body = await sentBody([order, { token, seats: [seat] }, app.models.ref(Ledger, 9007199254740993n)])
      const { values, again, decoding, using } = await django<{
        values: unknown
        again: string
        decoding: number
        using: number
      }>(recipe, 'decode', { body })
      assert.deepEqual(values, [
        [
          { label: 'shop.Order', id: '42', reference: 'A-42', model: 'a field of that name', version: '7' },
          {
            token: { label: 'shop.Token', id: uuid, name: 'key' },
            seats: [{ label: 'shop.Seat', row: '12', seat: 'C', holder: 'Ada' }],
          },
          { label: 'shop.Ledger', id: '9007199254740993', name: 'big' },
        ],
        {},
      ])
      assert.deepEqual([decoding, using], recipe === 'kombu' ? [4, 0] : [0, 4])
      assert.match(again, /\["shop\.Order", ?42/)
    })

    it(`arrive in a worker from Django, encoded by ${recipe === 'kombu' ? "kombu's recipe" : 'celeriac_django'}`, async () => {
      const message = await django<{ contentType: string; contentEncoding: string; body: string }>(recipe, 'encode')
      assert.doesNotMatch(message.body, /A-42|Ada/, 'a column travelled')
      const arrived = Promise.withResolvers<unknown[]>()
      const name = `shop.ship_${recipe}`
      app.task(name, (...args: unknown[]) => arrived.resolve(args))
      app.on('taskFailure', ({ thrown }) => arrived.reject(thrown as Error))
      const worker = new Worker(app, { queues: [name], concurrency: 1 })
      const running = worker.run()
      await (
        await app.openBroker()
      ).publish([{ queue: name, message: rawMessage({ ...message, headers: { task: name } }) }])
      const [order, { seats, token }] = (await arrived.promise) as [Order, { seats: [Seat]; token: Token }]
      worker.stop()
      await running
      assert.ok(order instanceof Order && seats[0] instanceof Seat && token instanceof Token)
      assert.deepEqual([order.reference, order.version, seats[0].holder, token.name], ['A-42', 7, 'Ada', 'key'])
    })
  }

  it('that are gone lose the task with the recipe of kombu, and fail it after its retries with celeriac_django', async () => {
    const lost = await django('kombu', 'lose')
    assert.deepEqual(lost, { state: 'PENDING', attempts: [], error: null })
    const kept = await django('lazy', 'lose')
    assert.deepEqual(kept, { state: 'FAILURE', attempts: [0, 1, 2], error: 'DoesNotExist' })
  })
})

function undashed(id: unknown): unknown {
  return typeof id === 'string' ? id.replaceAll('-', '') : id
}

function dashed(id: unknown): unknown {
  return typeof id === 'string' ? id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') : id
}
