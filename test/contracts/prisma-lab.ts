import { AsyncLocalStorage } from 'node:async_hooks'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import { Pool } from 'pg'
import { prisma, type PrismaModels } from '../../src/orms/prisma.ts'
import type { TestDatabase } from '../services.ts'
import type { LabRows, OrmLab, UserRow } from './orm-contract-tools.ts'
import { prismaClient } from './prisma-client.ts'

/** What the labs use of a generated client, whatever its schema. */
export interface LabClient {
  readonly user: LabDelegate
  readonly post: LabDelegate
  readonly note: LabDelegate
  $transaction<R>(body: (tx: LabClient) => Promise<R>, options?: object): Promise<R>
  $transaction(queries: readonly Promise<unknown>[]): Promise<readonly unknown[]>
  $extends(extension: object): LabClient
  $queryRawUnsafe(sql: string, ...params: unknown[]): Promise<object[]>
  $executeRawUnsafe(sql: string, ...params: unknown[]): Promise<number>
  $on(event: 'query', listener: (event: { readonly query: string }) => void): void
  $disconnect(): Promise<void>
}
export interface LabDelegate {
  create(query: object): Promise<object>
  findMany(query?: object): Promise<object[]>
  findFirst(query?: object): Promise<object | null>
  findUnique(query: object): Promise<object | null> & { posts(): Promise<object[]>; author(): Promise<object | null> }
  findUniqueOrThrow(query: object): Promise<object>
  update(query: object): Promise<object>
  count(): Promise<number>
}
type LabClientClass = new (options: object) => LabClient

export interface PrismaLab extends OrmLab {
  readonly adapter: PrismaModels<LabClient>
  /** The one that was given to the adapter. */
  readonly base: LabClient
}

/** Prisma has no ambient transactions: what the lab saves in one must use its handle. */
const ambient = new AsyncLocalStorage<LabClient>()

export async function openPrismaLab(database: TestDatabase): Promise<PrismaLab> {
  const { PrismaClient } = (await import(await prismaClient(database.dialect))) as { PrismaClient: LabClientClass }
  const base = new PrismaClient({ adapter: driver(database), log: [{ emit: 'event', level: 'query' }] })
  let selects = 0
  base.$on('query', ({ query }) => void (/^SELECT .* FROM \S*(users|seats)/s.test(query) && selects++))
  const options = { app: 'shop', aliases: { User: ['shop.Person'] }, version: 'version', deletedAt: 'deletedAt' }
  const adapter = prisma(base, { ...options, file: database.url })
  const db = adapter.client
  const inside = <R>(handle: LabClient, body: (tx: object) => Promise<R>): Promise<R> =>
    handle.$transaction((tx) => ambient.run(tx, () => body(tx)))
  return {
    database,
    base,
    adapter,
    create: async (model, values) => {
      const handle = ambient.getStore() ?? db
      const delegate = handle[model.toLowerCase() as 'user']
      return (await delegate.create({ data: inserted(values) })) as never
    },
    findUser: async (id) => (await db.user.findUniqueOrThrow({ where: { id } })) as UserRow,
    transaction: (body) => inside(db, body),
    savepoint: (tx, body) => inside(tx as LabClient, body),
    takeSelects: () => {
      const taken = selects
      selects = 0
      return taken
    },
    async [Symbol.asyncDispose]() {
      await db.$disconnect()
      // a pool of mariadb that is ended while it fills leaves connections open
      if (database.dialect === 'mysql') await database.killConnections()
    },
  }
}

/** Prisma takes days as dates. */
function inserted(values: Partial<LabRows[keyof LabRows]>): object {
  return 'day' in values ? { ...values, day: new Date(values.day ?? '') } : values
}

function driver({ dialect, url }: TestDatabase): object {
  switch (dialect) {
    case 'sqlite':
      return new PrismaLibSql({ url: `file:${url}` })
    case 'postgres':
      return new PrismaPg(listenedPool(url), { disposeExternalPool: true })
    case 'mysql':
      return new PrismaMariaDb(`${url.replace('mysql:', 'mariadb:')}?acquireTimeout=1000`)
  }
}

/** As docs/orm-prisma.md advises: a connection that dies just as it is taken emits an error while nobody listens. */
function listenedPool(connectionString: string): Pool {
  const pool = new Pool({ connectionString })
  pool.on('connect', (connection) => connection.on('error', () => undefined))
  return pool
}
