import { after, before, describe, it, type TestContext } from 'node:test'
import type { SqlDialect } from '../../src/orms/orm-adapter.ts'
import { service, testDatabase, type TestDatabase } from '../services.ts'
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
      const opened = useDatabase(dialect)
      define((name, test) => {
        it(name, { skip: skip[name] ?? false }, async (context) => {
          const database = opened.for(context)
          if (!database) return
          await emptyTables(database)
          await using lab = await open(database)
          await test(inApp(lab))
        })
      }, dialect)
    })
  }
}

/** A database with the tables of the contract for the tests of the suite. */
function useDatabase(dialect: SqlDialect): { for(test: TestContext): TestDatabase | undefined } {
  let database: TestDatabase | undefined
  let missing: string | undefined
  before(
    async () => {
      const server = dialect === 'sqlite' ? dialect : await service(dialect)
      if (typeof server === 'object' && 'missing' in server) {
        missing = server.missing
        return
      }
      database = await testDatabase(server)
      await createTables(database)
    },
    { timeout: 600_000 },
  )
  after(async () => {
    await database?.[Symbol.asyncDispose]()
  })
  return {
    for(test) {
      if (!database) test.skip(missing ?? 'the database could not be opened')
      return database
    },
  }
}
