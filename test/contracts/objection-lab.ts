import { AsyncLocalStorage } from 'node:async_hooks'
import knexModule, { type Knex } from 'knex'
import { Model, type ModelOptions, type QueryContext, type RelationMappings } from 'objection'
import pg from 'pg'
import { objection } from '../../src/orms/objection.ts'
import type { TestDatabase } from '../services.ts'
import type { LabRows, OrmLab } from './orm-contract-tools.ts'

export class User extends Model {
  static override tableName = 'users'
  static override jsonAttributes: string[] = ['tags']
  declare id: number
  declare name: string
  declare version: number
  declare deletedAt: Date | string | null
  declare tags: string[] | null
  declare posts?: Post[]

  static override relationMappings = (): RelationMappings => ({
    posts: { relation: Model.HasManyRelation, modelClass: Post, join: { from: 'users.id', to: 'posts.authorId' } },
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
  static override tableName = 'seats'
  static override idColumn: string[] = ['row', 'seat']
  declare row: number
  declare seat: string
  declare holder: string
}

export class Post extends Model {
  static override tableName = 'posts'
  declare id: number
  declare title: string
  declare authorId: number
}

class Token extends Model {
  static override tableName = 'tokens'
}

class Ledger extends Model {
  static override tableName = 'ledgers'
}

class Day extends Model {
  static override tableName = 'days'
  static override idColumn = 'day'
}

const models: Readonly<Record<keyof LabRows, typeof Model>> = { User, Seat, Post, Token, Ledger, Day }

export interface ObjectionLab extends OrmLab {
  readonly knex: Knex
}

/** Knex has one connection to a SQLite file: what runs in a transaction must use its handle. */
const ambient = new AsyncLocalStorage<Knex>()

export async function openObjectionLab(database: TestDatabase): Promise<ObjectionLab> {
  const knex = connect(database)
  let selects = 0
  knex.on('query', ({ sql }: { sql: string }) => void (sql.startsWith('select ') && selects++))
  return {
    database,
    knex,
    adapter: objection(knex, Object.values(models), {
      app: 'shop',
      aliases: { User: ['shop.Person'] },
      version: { User: 'version' },
      deletedAt: { User: 'deletedAt' },
    }),
    classes: { User, Seat },
    create: async (model, values) => {
      const created: unknown = await models[model].query(ambient.getStore() ?? knex).insertAndFetch(values)
      return created as LabRows[typeof model]
    },
    findUser: async (id) => await User.query(knex).findById(id).throwIfNotFound(),
    transaction: (body) => settled(database, knex, inside(knex, body)),
    savepoint: (tx, body) => inside(tx as Knex, body),
    takeSelects: () => {
      const taken = selects
      selects = 0
      return taken
    },
    [Symbol.asyncDispose]: () => knex.destroy(),
  }
}

function connect({ dialect, url }: TestDatabase): Knex {
  switch (dialect) {
    case 'sqlite':
      return knexModule.default({ client: 'better-sqlite3', connection: { filename: url }, useNullAsDefault: true })
    case 'postgres':
      return knexModule.default({
        client: 'pg',
        connection: { connectionString: url, types: { getTypeParser: getTypeParser as never } },
      })
    case 'mysql':
      return knexModule.default({ client: 'mysql2', connection: mysqlOptions(url) })
  }
}

/** Dates as text: a Date is a moment, and as a key not the same in every time zone. */
export function getTypeParser(type: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (type === pg.types.builtins.DATE) return (text) => text
  return pg.types.getTypeParser(type, format as 'text') as (value: string) => unknown
}

export interface MysqlOptions {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  readonly supportBigNumbers: boolean
  readonly dateStrings: ['DATE']
}

export function mysqlOptions(url: string): MysqlOptions {
  const { hostname, port, username, password, pathname } = new URL(url)
  const where = { host: hostname, port: Number(port), user: username, password, database: pathname.slice(1) }
  return { ...where, supportBigNumbers: true, dateStrings: ['DATE'] }
}

function inside<R>(knex: Knex, body: (tx: object) => Promise<R>): Promise<R> {
  return knex.transaction((trx) => ambient.run(trx, () => body(trx)))
}

/** Knex leaves a transaction open whose COMMIT SQLite refused. */
async function settled<R>({ dialect }: TestDatabase, knex: Knex, transaction: Promise<R>): Promise<R> {
  try {
    return await transaction
  } catch (error) {
    if (dialect === 'sqlite') await knex.raw('ROLLBACK').catch(() => undefined)
    throw error
  }
}
