import { after, before, describe, it, type TestContext } from 'node:test'
import type { SqlDialect } from '../../src/orms/orm-adapter.ts'
import { privateServer, service, testDatabase, type Missing, type Service, type TestDatabase } from '../services.ts'
import { defineFaultTests, type DefineFault } from './orm-contract-faults.ts'
import { defineBatchingTests } from './orm-contract-batching.ts'
import { defineFetchTests } from './orm-contract-fetching.ts'
import { defineKeyTests } from './orm-contract-keys.ts'
import { defineModelTests } from './orm-contract-models.ts'
import { createTables, emptyTables } from './orm-contract-schema.ts'
import { inApp, type DefineOrm, type ModelLab, type OrmAbilities, type OrmLab } from './orm-contract-tools.ts'
import { defineTransactionTests } from './orm-contract-transactions.ts'

export interface OrmContract<Lab extends OrmLab = OrmLab> {
  readonly databases: readonly SqlDialect[]
  /** Called for each test, with the tables of the contract empty; the lab closes its own connections. */
  readonly open: (database: TestDatabase) => Promise<Lab>
  readonly abilities: OrmAbilities
  /** Tests that this ORM cannot pass, by name, with the reason. */
  readonly skip?: Readonly<Record<string, string>>
}

/** What every ORM adapter must do, on each database on which the ORM runs. */
export function describeOrm(orm: string, contract: OrmContract): void {
  describeWithLab(orm, contract, (define, dialect) => {
    const it: DefineOrm = (name, test) => define(name, test)
    defineModelTests(it)
    defineBatchingTests(it)
    defineKeyTests(it, dialect)
    defineFetchTests(it, dialect, contract.abilities)
    defineTransactionTests(it)
  })
}

export type DefineWithLab<Lab extends OrmLab> = (name: string, test: (lab: Lab & ModelLab) => Promise<void>) => void

/** Tests of one ORM's own, with a lab for each, on each database. Without its server they are skipped. */
export function describeWithLab<Lab extends OrmLab>(
  orm: string,
  { databases, open, skip = {} }: Pick<OrmContract<Lab>, 'databases' | 'open' | 'skip'>,
  define: (it: DefineWithLab<Lab>, dialect: SqlDialect) => void,
): void {
  for (const dialect of databases) {
    describe(`${orm} on ${dialect}`, () => {
      const opened = useDatabase(async () => (dialect === 'sqlite' ? dialect : service(dialect)))
      define((name, test) => {
        it(name, { skip: skip[name] ?? false }, async (context) => {
          const { database } = opened.for(context)
          if (!database) return
          await emptyTables(database)
          await using lab = await open(database)
          await told(context, test(inApp(lab)))
        })
      }, dialect)
    })
  }
}

/** What must hold when connections and servers die. Each database is on a server that these tests have for themselves. */
export function describeOrmFaults(
  orm: string,
  { databases, open, skip = {} }: Omit<OrmContract, 'abilities'>,
  define: (it: DefineFault, dialect: SqlDialect) => void = defineFaultTests,
): void {
  for (const dialect of databases) {
    if (dialect === 'sqlite') continue
    describe(`${orm} on ${dialect}, when it fails`, () => {
      const opened = useDatabase(() => privateServer(dialect))
      define((name, test) => {
        it(name, { skip: skip[name] ?? false }, async (context) => {
          const { database, server } = opened.for(context)
          if (!database || !server) return
          await emptyTables(database)
          await using lab = await open(database)
          await told(context, test(inApp(lab), server))
        })
      }, dialect)
    })
  }
}

/** Tells of a failure at once: after it a lab may never close, if connections were lost from its pool. */
async function told(context: TestContext, test: Promise<void>): Promise<void> {
  try {
    await test
  } catch (error) {
    context.diagnostic(`failed: ${(error as Error).message}`)
    throw error
  }
}

/** A database with the tables of the contract, and its server, for the tests of the suite. */
function useDatabase<Server extends Service>(
  start: () => Promise<Server | Missing | 'sqlite'>,
): { for(test: TestContext): { readonly database?: TestDatabase; readonly server?: Server } } {
  let opened: { readonly database: TestDatabase; readonly server?: Server } | undefined
  let missing: string | undefined
  before(
    async () => {
      const server = await start()
      if (typeof server === 'object' && 'missing' in server) {
        missing = server.missing
        return
      }
      const database = await testDatabase(server)
      await createTables(database)
      opened = server === 'sqlite' ? { database } : { database, server }
    },
    { timeout: 600_000 },
  )
  after(async () => {
    await opened?.database[Symbol.asyncDispose]()
  })
  return {
    for(test) {
      if (opened) return opened
      test.skip(missing ?? 'the database could not be opened')
      return {}
    },
  }
}
