import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DataSource, EntitySchema, type EntityManager, type Logger } from 'typeorm'
import { typeorm } from '../../src/orms/typeorm.ts'
import type { OrmLab } from './orm-contract-tools.ts'

export class User {
  declare id: number
  declare name: string
  declare version: number
  declare deletedAt: Date | null
  declare tags: string[] | null
}
export class Seat {
  declare row: number
  declare seat: string
  declare holder: string
}
export class Animal {
  declare kind: string
  declare id: number
  declare name: string
}
export class Dog extends Animal {}
export class Cat extends Animal {}

const schemas = [
  new EntitySchema<User>({
    target: User,
    name: 'User',
    columns: {
      id: { type: Number, primary: true, generated: true },
      name: { type: String },
      version: { type: Number, version: true },
      deletedAt: { type: 'datetime', deleteDate: true, select: false },
      tags: { type: 'simple-json', nullable: true, select: false },
    },
  }),
  new EntitySchema<Seat>({
    target: Seat,
    name: 'Seat',
    columns: { row: { type: Number, primary: true }, seat: { type: String, primary: true }, holder: { type: String } },
  }),
  new EntitySchema<Animal>({
    target: Animal,
    name: 'Animal',
    columns: {
      id: { type: Number, primary: true, generated: true },
      name: { type: String },
      kind: { type: String },
    },
    inheritance: { pattern: 'STI', column: 'kind' },
  }),
  ...[Dog, Cat].map(
    (target) => new EntitySchema<Animal>({ target, name: target.name, type: 'entity-child', columns: {} }),
  ),
]

export interface TypeOrmLab extends OrmLab {
  readonly dataSource: DataSource
}

export async function openTypeOrmLab(): Promise<TypeOrmLab> {
  const folder = await mkdtemp(path.join(tmpdir(), 'celeriac-typeorm-'))
  const database = path.join(folder, 'rows.db')
  const counter = new SelectCounter()
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database,
    entities: schemas,
    synchronize: true,
    enableWAL: true,
    logger: counter,
  }).initialize()
  await dataSource.query(
    'CREATE TABLE debt (id INTEGER PRIMARY KEY, user INTEGER REFERENCES user DEFERRABLE INITIALLY DEFERRED)',
  )
  const other = new DatabaseSync(database)
  const managerOf = (tx: object): EntityManager => tx as EntityManager
  return {
    dataSource,
    adapter: typeorm(dataSource, { app: 'shop', aliases: { User: ['shop.Person'] } }),
    User,
    Seat,
    save: (instance) => dataSource.manager.save(instance),
    findUser: (id) => dataSource.manager.findOneByOrFail(User, { id }),
    transaction: (body) => dataSource.transaction(body),
    savepoint: (tx, body) => managerOf(tx).transaction(body),
    insertIn: async (tx, name) => void (await managerOf(tx).save(Object.assign(new User(), { name }))),
    spoilCommit: async (tx) => void (await managerOf(tx).query('INSERT INTO debt (user) VALUES (-5)')),
    elsewhere: (sql) => other.exec(sql),
    takeSelects: () => counter.take(),
    async [Symbol.asyncDispose]() {
      other.close()
      await dataSource.destroy()
      await rm(folder, { recursive: true })
    },
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
    if (query.startsWith('SELECT "model"')) this.#selects++
  }

  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
