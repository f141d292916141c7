import { AsyncLocalStorage } from 'node:async_hooks'
import { DataTypes, type Model, Sequelize, type ModelStatic, type Options, type Transaction } from 'sequelize'
import { sequelize } from '../../src/orms/sequelize.ts'
import type { TestDatabase } from '../services.ts'
import type { LabRows, OrmLab, UserRow } from './orm-contract-tools.ts'
import { nodeSqlite } from '../../examples/sequelize/node-sqlite.ts'

export interface SequelizeLab extends OrmLab {
  readonly sequelize: Sequelize
  readonly classes: { readonly [Name in keyof LabRows]: ModelStatic<Model> & (new () => LabRows[Name]) }
}

export async function openSequelizeLab(database: TestDatabase): Promise<SequelizeLab> {
  let selects = 0
  const instance = open(database, {
    pool: { min: 0, max: 5 },
    logging: (sql) => {
      if (/\): SELECT .* FROM .(users|seats|tokens|ledgers|days|posts)\b/s.test(sql)) selects++
    },
  })
  const classes = define(instance)
  const current = new AsyncLocalStorage<Transaction>()
  const within =
    <R>(body: (tx: object) => Promise<R>) =>
    (transaction: Transaction): Promise<R> =>
      current.run(transaction, () => body(transaction))
  return {
    database,
    sequelize: instance,
    classes,
    adapter: sequelize(instance, { app: 'shop', aliases: { User: ['shop.Person'] } }),
    create: async (model, values) => {
      const row = await classes[model].create(values, { transaction: current.getStore() ?? null })
      return row as unknown as LabRows[typeof model]
    },
    findUser: async (id) => (await classes.User.findByPk(id, { rejectOnEmpty: true })) as unknown as UserRow,
    transaction: (body) => instance.transaction(within(body)),
    savepoint: (tx, body) => instance.transaction({ transaction: tx as Transaction }, within(body)),
    takeSelects: () => {
      const taken = selects
      selects = 0
      return taken
    },
    [Symbol.asyncDispose]: () => instance.close(),
  }
}

function open({ dialect, url }: TestDatabase, options: Options): Sequelize {
  if (dialect !== 'sqlite') return new Sequelize(url, { ...options, dialect })
  return new Sequelize({ ...options, dialect, dialectModule: nodeSqlite, storage: url })
}

function define(instance: Sequelize): SequelizeLab['classes'] {
  const { INTEGER, BIGINT, STRING, UUID, DATEONLY, JSON } = DataTypes
  const id = { type: INTEGER, primaryKey: true, autoIncrement: true }
  const plain = { timestamps: false }
  const User = instance.define(
    'User',
    { id, name: STRING, tags: JSON },
    { tableName: 'users', version: true, paranoid: true, createdAt: false, updatedAt: false },
  )
  const Post = instance.define('Post', { id, title: STRING, authorId: INTEGER }, { ...plain, tableName: 'posts' })
  User.hasMany(Post, { as: 'posts', foreignKey: 'authorId', constraints: false })
  const row = { type: INTEGER, primaryKey: true }
  const seat = { type: STRING, primaryKey: true }
  const key = (type: typeof BIGINT | typeof UUID | typeof DATEONLY) => ({ type, primaryKey: true })
  const classes = {
    User,
    Post,
    Seat: instance.define('Seat', { row, seat, holder: STRING }, { ...plain, tableName: 'seats' }),
    Token: instance.define('Token', { id: key(UUID), name: STRING }, { ...plain, tableName: 'tokens' }),
    Ledger: instance.define('Ledger', { id: key(BIGINT), name: STRING }, { ...plain, tableName: 'ledgers' }),
    Day: instance.define('Day', { day: key(DATEONLY), name: STRING }, { ...plain, tableName: 'days' }),
  }
  return classes as unknown as SequelizeLab['classes']
}
