import { DataSource, EntitySchema, type DataSourceOptions, type EntityManager, type Logger } from 'typeorm'
import { typeorm } from '../../src/orms/typeorm.ts'
import { testDatabase, type TestDatabase } from '../services.ts'
import { createTables } from './orm-contract-schema.ts'
import type { OrmLab } from './orm-contract-tools.ts'

export class User {
  declare id: number
  declare name: string
  declare version: number
  declare deletedAt: Date | null
  declare tags: string[] | null
  declare posts: Post[] | undefined
}
export class Seat {
  declare row: number
  declare seat: string
  declare holder: string
}
class Token {
  declare id: string
  declare name: string
}
class Ledger {
  declare id: string
  declare name: string
}
class Day {
  declare day: string
  declare name: string
}
export class Post {
  declare id: number
  declare title: string
  declare authorId: number
  declare author: User | undefined
}
export class Animal {
  declare kind: string
  declare id: number
  declare name: string
}
export class Dog extends Animal {}
export class Cat extends Animal {}

const classes = { User, Seat, Token, Ledger, Day, Post }
const id = { type: Number, primary: true, generated: true } as const
const name = { type: String } as const

const schemas: readonly EntitySchema<object>[] = [
  new EntitySchema<User>({
    target: User,
    name: 'User',
    tableName: 'users',
    columns: {
      id,
      name,
      version: { type: Number, version: true },
      deletedAt: { type: Date, deleteDate: true, select: false },
      tags: { type: 'simple-json', nullable: true, select: false },
    },
    relations: { posts: { type: 'one-to-many', target: 'Post', inverseSide: 'author' } },
  }),
  new EntitySchema<Seat>({
    target: Seat,
    name: 'Seat',
    tableName: 'seats',
    columns: { row: { type: Number, primary: true }, seat: { type: String, primary: true }, holder: { type: String } },
  }),
  new EntitySchema<Token>({
    target: Token,
    name: 'Token',
    tableName: 'tokens',
    columns: { id: { type: 'uuid', primary: true }, name },
  }),
  new EntitySchema<Ledger>({
    target: Ledger,
    name: 'Ledger',
    tableName: 'ledgers',
    columns: { id: { type: 'bigint', primary: true }, name },
  }),
  new EntitySchema<Day>({
    target: Day,
    name: 'Day',
    tableName: 'days',
    columns: { day: { type: 'date', primary: true }, name },
  }),
  new EntitySchema<Post>({
    target: Post,
    name: 'Post',
    tableName: 'posts',
    columns: { id, title: { type: String }, authorId: { type: Number } },
    relations: {
      author: { type: 'many-to-one', target: 'User', inverseSide: 'posts', joinColumn: { name: 'authorId' } },
    },
  }),
  new EntitySchema<Animal>({
    target: Animal,
    name: 'Animal',
    tableName: 'animals',
    columns: { id, name, kind: { type: String } },
    inheritance: { pattern: 'STI', column: 'kind' },
  }),
  ...[Dog, Cat].map((target) => new EntitySchema({ target, name: target.name, type: 'entity-child', columns: {} })),
]

export interface TypeOrmLab extends OrmLab {
  readonly dataSource: DataSource
}

/** TypeORM on SQLite, on a database of its own. */
export async function openTypeOrmLab(): Promise<TypeOrmLab> {
  const database = await testDatabase('sqlite')
  await createTables(database)
  const lab = await openTypeOrmOn(database)
  const dispose = async (): Promise<void> => {
    await lab[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  }
  return { ...lab, [Symbol.asyncDispose]: dispose }
}

export async function openTypeOrmOn(database: TestDatabase): Promise<TypeOrmLab> {
  const counter = new SelectCounter()
  const dataSource = await new DataSource({
    ...connectionOptions(database),
    entities: [...schemas],
    logger: counter,
  }).initialize()
  return {
    database,
    dataSource,
    adapter: typeorm(dataSource, { app: 'shop', aliases: { User: ['shop.Person'] } }),
    classes,
    create: async (model, values) => {
      const { manager } = dataSource
      const row = { ...values, ...('id' in values && model === 'Ledger' && { id: String(values.id) }) }
      const instance: object = Object.assign(new classes[model](), row)
      return (await manager.save(instance)) as never
    },
    findUser: (id) => dataSource.manager.findOneByOrFail(User, { id }),
    transaction: (body) => dataSource.transaction(body),
    savepoint: (tx, body) => (tx as EntityManager).transaction(body),
    takeSelects: () => counter.take(),
    [Symbol.asyncDispose]: () => dataSource.destroy(),
  }
}

/** Reads come from `replica`, and nothing keeps it up to date. */
export function replicated(primary: TestDatabase, replica: TestDatabase): DataSource {
  const replication = { master: { url: primary.url }, slaves: [{ url: replica.url }] }
  const type = primary.dialect === 'mysql' ? 'mariadb' : 'postgres'
  return new DataSource({ type, replication, entities: [...schemas] })
}

function connectionOptions({ dialect, url }: TestDatabase): DataSourceOptions {
  switch (dialect) {
    case 'sqlite':
      return { type: 'better-sqlite3', database: url, enableWAL: true }
    case 'postgres':
      return { type: 'postgres', url }
    case 'mysql':
      return { type: 'mariadb', url }
  }
}

class SelectCounter implements Logger {
  #selects = 0

  take(): number {
    const selects = this.#selects
    this.#selects = 0
    return selects
  }

  logQuery(query: string): void {
    if (/^SELECT ["`]model/.test(query)) this.#selects++
  }

  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
