import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EntitySchema, MikroORM, type EntityManager } from '@mikro-orm/sqlite'
import { mikro } from '../../src/orms/mikro-orm.ts'
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
    class: User,
    tableName: 'user',
    filters: { alive: { name: 'alive', cond: { deletedAt: null }, default: true } },
    properties: {
      id: { type: 'integer', primary: true, autoincrement: true },
      name: { type: 'string' },
      version: { type: 'integer', version: true },
      deletedAt: { type: 'datetime', nullable: true },
      tags: { type: 'json', nullable: true },
    },
  }),
  new EntitySchema<Seat>({
    class: Seat,
    tableName: 'seat',
    properties: {
      row: { type: 'integer', primary: true },
      seat: { type: 'string', primary: true },
      holder: { type: 'string' },
    },
  }),
  new EntitySchema<Animal>({
    class: Animal,
    tableName: 'animal',
    discriminatorColumn: 'kind',
    discriminatorMap: { Animal, Dog, Cat },
    properties: {
      id: { type: 'integer', primary: true, autoincrement: true },
      kind: { type: 'string' },
      name: { type: 'string' },
    },
  }),
  new EntitySchema<Dog, Animal>({ class: Dog, extends: Animal, properties: {} }),
  new EntitySchema<Cat, Animal>({ class: Cat, extends: Animal, properties: {} }),
]

export interface MikroLab extends OrmLab {
  readonly orm: MikroORM
}

export async function openMikroLab(): Promise<MikroLab> {
  const folder = await mkdtemp(path.join(tmpdir(), 'celeriac-mikro-orm-'))
  const dbName = path.join(folder, 'rows.db')
  let selects = 0
  const orm = await MikroORM.init({
    dbName,
    entities: schemas,
    debug: ['query'],
    colors: false,
    logger: (message) => {
      if (/\] select /i.test(message)) selects++
    },
  })
  await orm.schema.create()
  const other = new DatabaseSync(dbName)
  other.exec('PRAGMA journal_mode = WAL')
  other.exec('CREATE TABLE debt (id INTEGER PRIMARY KEY, user INTEGER REFERENCES user DEFERRABLE INITIALLY DEFERRED)')
  const managerOf = (tx: object): EntityManager => tx as EntityManager
  return {
    orm,
    adapter: mikro(orm, { app: 'shop', aliases: { User: ['shop.Person'] } }),
    User,
    Seat,
    save: async (instance) => {
      const current = orm.em.getContext(false)
      const em = current === orm.em ? orm.em.fork() : current
      await em.persist(instance).flush()
      return instance
    },
    findUser: (id) => orm.em.fork().findOneOrFail(User, { id }),
    transaction: (body) => orm.em.fork().transactional((em) => body(em)),
    savepoint: (tx, body) => managerOf(tx).transactional((em) => body(em)),
    insertIn: (tx, name) => managerOf(tx).persist(Object.assign(new User(), { name })).flush(),
    spoilCommit: async (tx) => void (await managerOf(tx).execute('INSERT INTO debt (user) VALUES (-5)')),
    elsewhere: (sql) => other.exec(sql),
    takeSelects: () => {
      const taken = selects
      selects = 0
      return taken
    },
    async [Symbol.asyncDispose]() {
      other.close()
      await orm.close()
      await rm(folder, { recursive: true })
    },
  }
}
