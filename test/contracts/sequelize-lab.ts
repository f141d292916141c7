import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DataTypes, Model, Sequelize, type Transaction } from 'sequelize'
import { sequelize } from '../../src/orms/sequelize.ts'
import type { OrmLab } from './orm-contract-tools.ts'
import { nodeSqlite } from './sequelize-node-sqlite.ts'

export async function openSequelizeLab(): Promise<OrmLab> {
  const folder = await mkdtemp(path.join(tmpdir(), 'celeriac-sequelize-'))
  const storage = path.join(folder, 'rows.db')
  let selects = 0
  const database = new Sequelize({
    dialect: 'sqlite',
    dialectModule: nodeSqlite,
    storage,
    logging: (sql) => {
      if (/\): SELECT /.test(sql)) selects++
    },
  })
  class User extends Model {
    declare id: number
    declare name: string
    declare version: number
  }
  class Seat extends Model {
    declare row: number
    declare seat: string
    declare holder: string
  }
  const { INTEGER, STRING } = DataTypes
  User.init(
    { id: { type: INTEGER, primaryKey: true, autoIncrement: true }, name: STRING },
    { sequelize: database, tableName: 'user', version: true, timestamps: false },
  )
  Seat.init(
    { row: { type: INTEGER, primaryKey: true }, seat: { type: STRING, primaryKey: true }, holder: STRING },
    { sequelize: database, tableName: 'seat', timestamps: false },
  )
  const other = new DatabaseSync(storage)
  other.exec('PRAGMA journal_mode = WAL')
  await database.sync()
  other.exec('CREATE TABLE debt (id INTEGER PRIMARY KEY, user INTEGER REFERENCES user DEFERRABLE INITIALLY DEFERRED)')
  const transactionOf = (tx: object): Transaction => tx as Transaction
  return {
    adapter: sequelize(database, { app: 'shop', aliases: { User: ['shop.Person'] } }),
    User,
    Seat,
    save: async (instance) => {
      await (instance as unknown as Model).save()
      return instance
    },
    findUser: (id) => User.findByPk(id, { rejectOnEmpty: true }),
    transaction: (body) => database.transaction(body),
    savepoint: (tx, body) => database.transaction({ transaction: transactionOf(tx) }, body),
    insertIn: async (tx, name) => void (await User.create({ name }, { transaction: transactionOf(tx) })),
    spoilCommit: async (tx) =>
      void (await database.query('INSERT INTO debt (user) VALUES (-5)', { transaction: transactionOf(tx) })),
    elsewhere: (sql) => other.exec(sql),
    takeSelects: () => {
      const taken = selects
      selects = 0
      return taken
    },
    async [Symbol.asyncDispose]() {
      other.close()
      await database.close()
      await rm(folder, { recursive: true })
    },
  }
}
