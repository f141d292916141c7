import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import knexModule, { type Knex } from 'knex'
import { Model, type ModelOptions, type RelationMappings, type QueryContext } from 'objection'
import { objection } from '../../src/orms/objection.ts'
import type { OrmLab } from './orm-contract-tools.ts'

export class User extends Model {
  static override tableName = 'user'
  declare id: number
  declare name: string
  declare version: number
  declare deletedAt: string | null
  declare seats?: Seat[]

  static override relationMappings = (): RelationMappings => ({
    seats: { relation: Model.HasManyRelation, modelClass: Seat, join: { from: 'user.name', to: 'seat.holder' } },
  })

  override $beforeInsert(): void {
    this.version = 1
  }

  override async $beforeUpdate(options: ModelOptions, context: QueryContext): Promise<void> {
    await super.$beforeUpdate(options, context)
    this.version = ((options.old as User | undefined)?.version ?? this.version) + 1
  }
}

export class Seat extends Model {
  static override tableName = 'seat'
  static override idColumn: string[] = ['row', 'seat']
  declare row: number
  declare seat: string
  declare holder: string
}

const tables = [
  'CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, deletedAt TEXT, data TEXT)',
  'CREATE TABLE seat (row INTEGER, seat TEXT, holder TEXT NOT NULL, PRIMARY KEY (row, seat))',
  'CREATE TABLE debt (id INTEGER PRIMARY KEY, user INTEGER REFERENCES user DEFERRABLE INITIALLY DEFERRED)',
]

export interface ObjectionLab extends OrmLab {
  readonly knex: Knex
}

/** Knex has one connection to a SQLite file: what runs in a transaction must use its handle. */
const ambient = new AsyncLocalStorage<Knex>()

export async function openObjectionLab(): Promise<ObjectionLab> {
  const folder = await mkdtemp(path.join(tmpdir(), 'celeriac-objection-'))
  const filename = path.join(folder, 'rows.db')
  const knex = knexModule.default({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true })
  for (const sql of ['PRAGMA journal_mode = WAL', ...tables]) await knex.raw(sql)
  let selects = 0
  knex.on('query', ({ sql }: { sql: string }) => void (/^select `(user|seat)`/.test(sql) && selects++))
  const other = new DatabaseSync(filename)
  return {
    knex,
    adapter: objection(knex, [User, Seat], {
      app: 'shop',
      aliases: { User: ['shop.Person'] },
      version: { User: 'version' },
      deletedAt: { User: 'deletedAt' },
    }),
    User,
    Seat,
    save: async (instance) => {
      const modelClass = instance.constructor as typeof Model
      const saved: unknown = await modelClass.query(ambient.getStore() ?? knex).insert(instance)
      return saved as typeof instance
    },
    findUser: async (id) => await User.query(knex).findById(id).throwIfNotFound(),
    transaction: (body) => settled(knex, inside(knex, body)),
    savepoint: (tx, body) => inside(tx as Knex, body),
    insertIn: async (tx, name) => void (await User.query(tx as Knex.Transaction).insert({ name })),
    spoilCommit: async (tx) => void (await (tx as Knex).raw('INSERT INTO debt (user) VALUES (-5)')),
    elsewhere: (sql) => other.exec(sql),
    takeSelects: () => {
      const taken = selects
      selects = 0
      return taken
    },
    async [Symbol.asyncDispose]() {
      other.close()
      await knex.destroy()
      await rm(folder, { recursive: true })
    },
  }
}

function inside<R>(knex: Knex, body: (tx: object) => Promise<R>): Promise<R> {
  return knex.transaction((trx) => ambient.run(trx, () => body(trx)))
}

/** Knex leaves a transaction open whose COMMIT SQLite refused. */
async function settled<R>(knex: Knex, transaction: Promise<R>): Promise<R> {
  try {
    return await transaction
  } catch (error) {
    await knex.raw('ROLLBACK').catch(() => undefined)
    throw error
  }
}
