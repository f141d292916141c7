import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { DataSource, EntitySchema } from 'typeorm'
import { TaskError } from '../../src/index.ts'
import { typeorm } from '../../src/orms/typeorm.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'

class Order {
  declare id: number
  declare reference: string
  declare version: number
}

/** Django's table. */
const orders = new EntitySchema<Order>({
  target: Order,
  name: 'Order',
  tableName: 'shop_order',
  columns: {
    id: { type: 'integer', primary: true, generated: 'increment' },
    reference: { type: 'varchar' },
    model: { type: 'varchar', default: 'none' },
    version: { type: 'integer', version: true },
  } as object,
})

const { skip, open } = await findInterop()

describe('rows between Django and TypeScript, over Redis', { skip }, () => {
  let folder: string
  let source: DataSource
  let lab: InteropLab

  before(async () => {
    lab = await open()
    const { python } = lab.python
    folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-django-broker-'))
    const database = path.join(folder, 'rows.db')
    const script = path.join(import.meta.dirname, 'django/peer.py')
    await promisify(execFile)(python, [script, 'lazy', database, 'create'])
    source = await new DataSource({ type: 'better-sqlite3', database, entities: [orders] }).initialize()
    lab.app.models.use(typeorm(source, { app: 'shop' }))
    lab.app.task('shop.read', (order: Order) => [order instanceof Order, order.id, order.reference])
    await Promise.all([
      lab.startPythonWorker({ queues: 'django', app: 'django_app', env: { INTEROP_DATABASE: database } }),
      lab.startWorker(),
    ])
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await source.destroy()
    await rm(folder, { recursive: true })
  })

  async function atDjango<T>(task: string, ...args: readonly unknown[]): Promise<T> {
    const result = await lab.app.send<T>(task, args, { queue: 'django' })
    return result.get({ timeout: '15s' })
  }

  it("our row arrives in Django's worker as its instance, and what it saves is seen here", async () => {
    const order = await source.manager.findOneByOrFail(Order, { id: 42 })
    assert.deepEqual(await atDjango('dj.read', [order, order]), [
      ['shop.Order', true, 42, 'A-42'],
      ['shop.Order', true, 42, 'A-42'],
    ])
    await atDjango('dj.write', order, 'by Django')
    const { reference, version } = await source.manager.findOneByOrFail(Order, { id: 42 })
    assert.deepEqual([reference, version], ['by Django', 8])
  })

  it("Django's row arrives in our worker, fresh from the database", async () => {
    await source.manager.update(Order, { id: 42 }, { reference: 'changed here' })
    const id = await atDjango<string>('dj.send', 42, 'shop.read', 'ts')
    assert.deepEqual(await lab.app.result(id).get({ timeout: '15s' }), [true, 42, 'changed here'])
  })

  it('a row that Django only passes on arrives too', async () => {
    const order = await source.manager.findOneByOrFail(Order, { id: 42 })
    const id = await atDjango<string>('dj.forward', order, 'shop.read', 'ts')
    assert.deepEqual(await lab.app.result(id).get({ timeout: '15s' }), [true, 42, 'changed here'])
  })

  it('a row that is gone fails the task in either, for whoever waits', async () => {
    const order = await source.manager.save(Object.assign(new Order(), { reference: 'gone', version: 1 }))
    const { id } = order
    const reference = lab.app.models.ref(Order, id)
    await source.manager.delete(Order, { id })
    const here: unknown = await atDjango<string>('dj.forward', reference, 'shop.read', 'ts')
      .then((sent) => lab.app.result(sent).get({ timeout: '15s' }))
      .catch((error: unknown) => error)
    assert.ok(here instanceof TaskError && here.type === 'RowMissing', String(here))
    const there: unknown = await atDjango('dj.read', [reference]).catch((error: unknown) => error)
    assert.ok(there instanceof TaskError && there.type === 'Order.DoesNotExist', String(there))
  })
})
