import type { MikroORM } from '@mikro-orm/core'
import { MikroORM as MariaDb } from '@mikro-orm/mariadb'
import { MikroORM as Postgres } from '@mikro-orm/postgresql'
import { MikroORM as Sqlite } from '@mikro-orm/sqlite'
import { mikro } from '../../src/orms/mikro-orm.ts'
import type { TestDatabase } from '../services.ts'
import { mikroModels, type MikroModels } from './mikro-orm-entities.ts'
import type { LabRows, OrmLab, UserRow } from './orm-contract-tools.ts'

export interface MikroLab extends OrmLab, MikroModels {
  readonly orm: MikroORM
  readonly classes: MikroModels['classes'] & { readonly [Name in 'User' | 'Seat']: new () => LabRows[Name] }
}

type Manager = MikroORM['em']

export async function openMikroLab(database: TestDatabase): Promise<MikroLab> {
  const { classes, schemas } = mikroModels()
  let selects = 0
  const orm = await openOrm(database, {
    entities: [...schemas],
    debug: ['query'],
    colors: false,
    logger: (message: string) => {
      if (/\] select .* from .?(users|seats|tokens|ledgers|days|posts|animals)\b/s.test(message)) selects++
    },
  })
  const current = (): Manager => {
    const em = orm.em.getContext(false)
    return em === orm.em ? orm.em.fork() : em
  }
  const managerOf = (tx: object): Manager => tx as Manager
  return {
    database,
    orm,
    schemas,
    classes: classes as MikroLab['classes'],
    adapter: mikro(orm, { app: 'shop', aliases: { User: ['shop.Person'] } }),
    create: async (model, values) => {
      const em = current()
      const row: unknown = em.create(classes[model], values as never)
      await em.flush()
      return row as LabRows[typeof model]
    },
    findUser: (id) => current().findOneOrFail(classes.User, { id } as never, { refresh: true }) as Promise<UserRow>,
    transaction: (body) => orm.em.fork().transactional((em) => body(em)),
    savepoint: (tx, body) => managerOf(tx).transactional((em) => body(em)),
    takeSelects: () => {
      const taken = selects
      selects = 0
      return taken
    },
    [Symbol.asyncDispose]: () => orm.close(),
  }
}

function openOrm({ dialect, url }: TestDatabase, options: object): Promise<MikroORM> {
  const server = { ...options, clientUrl: url, pool: { min: 0, max: 5 } }
  if (dialect === 'postgres') return Postgres.init(server as never) as unknown as Promise<MikroORM>
  if (dialect === 'mysql') return MariaDb.init(server as never) as unknown as Promise<MikroORM>
  return Sqlite.init({ ...options, dbName: url } as never) as unknown as Promise<MikroORM>
}
