import { DataSource, EntitySchema, type DataSourceOptions, type Logger } from 'typeorm'
import { currentTask } from '../../src/index.ts'
import type { FetchOptions, OrmAdapter } from '../../src/orms/orm-adapter.ts'
import { typeorm } from '../../src/orms/typeorm.ts'
import { testDatabase, type Service, type TestDatabase } from '../services.ts'
import { memoryStore, openHarness, type Harness, type Store } from '../support/worker-harness.ts'

export class User {
  declare id: number
  declare name: string
  declare version: number
  declare deletedAt: Date | null
  declare orders: Order[] | undefined

  welcome(lang: string, times = 1): string {
    return `${lang} ${this.name} ${times}`
  }
  async introduce(other: User): Promise<string> {
    return `${this.name}, this is ${other.name}`
  }
  /** Asks for a retry the first time, and shows what it was given in the end. */
  shaky(before: unknown, own: string): string {
    const task = currentTask()
    if (task.request.retries === 0) task.retry({ countdown: '100ms' })
    return `${String(before)}, ${own} ${this.name}`
  }
  secret(): string {
    return 'not registered'
  }
}
export class Order {
  declare id: number
  declare total: number
  declare version: number
  declare user: User | undefined
}
export class Seat {
  declare id: number
  declare holder: string
}
export class Animal {
  declare id: number
  declare name: string
  declare kind: string

  speak(): string {
    return `${this.name} is silent`
  }
  eat(food: string): string {
    return `${this.name} eats ${food}`
  }
}
export class Dog extends Animal {
  override speak(): string {
    return `${this.name} barks`
  }
}
export class Cat extends Animal {
  override speak(): string {
    return `${this.name} meows`
  }
}

const id = { type: Number, primary: true, generated: true } as const
const name = { type: String } as const
const version = { type: Number, version: true } as const

const schemas = [
  new EntitySchema<User>({
    target: User,
    name: 'User',
    tableName: 'shop_users',
    columns: { id, name, version, deletedAt: { type: Date, deleteDate: true } },
    relations: { orders: { type: 'one-to-many', target: 'Order', inverseSide: 'user' } },
  }),
  new EntitySchema<Order>({
    target: Order,
    name: 'Order',
    tableName: 'shop_orders',
    columns: { id, total: { type: Number }, version },
    relations: { user: { type: 'many-to-one', target: 'User', inverseSide: 'orders', nullable: true } },
  }),
  new EntitySchema<Seat>({ target: Seat, name: 'Seat', tableName: 'shop_seats', columns: { id, holder: name } }),
  new EntitySchema<Animal>({
    target: Animal,
    name: 'Animal',
    tableName: 'shop_animals',
    columns: { id, name, kind: { type: String } },
    inheritance: { pattern: 'STI', column: 'kind' },
  }),
  ...[Dog, Cat].map((target) => new EntitySchema({ target, name: target.name, type: 'entity-child', columns: {} })),
]

/** A shop on a database of its own, with an app and whatever workers the test starts. */
export interface Shop extends Harness {
  readonly database: TestDatabase
  readonly dataSource: DataSource
  readonly adapter: OrmAdapter
  /** The options of each read since the last question. */
  takeReads(): FetchOptions[]
  takeQueries(): string[]
  save<T extends object>(entity: new () => T, values: Partial<T>): Promise<T>
}

/** On SQLite, which has no locks of rows, reads are without: its transactions show the rest. */
export async function openShop(
  service: Service | 'sqlite' = 'sqlite',
  settings: object = {},
  store: Store = memoryStore,
): Promise<Shop> {
  const database = await testDatabase(service)
  const queries: string[] = []
  const dataSource = await new DataSource({
    ...(database.dialect === 'sqlite'
      ? { type: 'better-sqlite3', database: database.url, enableWAL: true }
      : { type: 'postgres', url: database.url }),
    entities: schemas,
    synchronize: true,
    logger: { ...silent, logQuery: (query: string) => queries.push(query) } as Logger,
  } as DataSourceOptions).initialize()
  const reads: FetchOptions[] = []
  const adapter = watched(typeorm(dataSource, { app: 'shop' }), reads, database.dialect !== 'sqlite')
  const harness = await openHarness(store, settings)
  harness.app.models.use(adapter)
  const dispose = async (): Promise<void> => {
    await harness[Symbol.asyncDispose]()
    await dataSource.destroy()
    await database[Symbol.asyncDispose]()
  }
  return {
    ...harness,
    database,
    dataSource,
    adapter,
    takeReads: () => reads.splice(0),
    takeQueries: () => queries.splice(0),
    save: (entity, values) => dataSource.manager.save(Object.assign(new entity(), values)),
    [Symbol.asyncDispose]: dispose,
  }
}

function watched(adapter: OrmAdapter, reads: FetchOptions[], canLock: boolean): OrmAdapter {
  const { name: ormName, transactions, replicated } = adapter
  return {
    name: ormName,
    ...(replicated === undefined ? undefined : { replicated }),
    ...(transactions && { transactions }),
    models: () => adapter.models(),
    identify: (row) => adapter.identify(row),
    copy: (row) => adapter.copy?.(row),
    fetch: (model, keys, options) => {
      reads.push(options)
      const { lock: _lock, ...withoutLock } = options
      return adapter.fetch(model, keys, canLock ? options : withoutLock)
    },
  }
}

const silent = {
  logQueryError: () => undefined,
  logQuerySlow: () => undefined,
  logSchemaBuild: () => undefined,
  logMigration: () => undefined,
  log: () => undefined,
}
