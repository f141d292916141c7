import assert from 'node:assert/strict'
import { sql } from 'kysely'
import { openKyselyLab } from './kysely-lab.ts'
import { describeWithLab } from './orm-contract.ts'

const stop = new Error('stop here')

describeWithLab(
  'kysely transactions',
  { databases: ['sqlite', 'postgres', 'mysql'], open: openKyselyLab },
  (it, dialect) => {
    it('makes the transaction of a callback current, also of derived databases', async ({
      kysely: db,
      adapter,
      transactions,
    }) => {
      const ran: string[] = []
      await db.transaction().execute(async () => {
        assert.equal(transactions.current()?.adapter, adapter)
        transactions.afterCommit(() => ran.push('plain'))
        assert.deepEqual(ran, [])
      })
      await db
        .withoutPlugins()
        .transaction()
        .setIsolationLevel('serializable')
        .execute(async (trx) => {
          transactions.afterCommit(() => ran.push('derived'))
          transactions.outside(() => transactions.afterCommit(() => ran.push('by handle'), trx.withoutPlugins()))
        })
      await db
        .connection()
        .execute((one) =>
          one.transaction().execute(async () => void transactions.afterCommit(() => ran.push('connection'))),
        )
      assert.deepEqual(ran, ['plain', 'derived', 'by handle', 'connection'])
    })

    it('drops what waits in a callback that throws', async ({ kysely: db, transactions }) => {
      const failing = db.transaction().execute(async () => {
        transactions.afterCommit(() => assert.fail('it was rolled back'))
        throw stop
      })
      await assert.rejects(failing, stop)
    })

    it('follows transactions begun by hand by any of their handles', async ({ kysely: db, transactions }) => {
      const ran: string[] = []
      const tx = await db.startTransaction().execute()
      assert.equal(transactions.current(), undefined)
      transactions.afterCommit(() => ran.push('first'), tx)
      const one = await tx.savepoint('one').execute()
      transactions.afterCommit(() => ran.push('lost'), tx)
      const two = await one.savepoint('two').execute()
      transactions.afterCommit(() => ran.push('lost, inner'), two)
      await two.releaseSavepoint('two').execute()
      await one.rollbackToSavepoint('one').execute()
      transactions.afterCommit(() => ran.push('after'), one)
      await tx.commit().execute()
      assert.deepEqual(ran, ['first', 'after'])
      const other = await db.startTransaction().execute()
      transactions.afterCommit(() => ran.push('lost'), other)
      await other.rollback().execute()
      assert.equal(ran.length, 2)
    })

    it('rolls back the savepoints inside the one that is named', async ({ kysely: db, transactions }) => {
      const ran: string[] = []
      const tx = await db.startTransaction().execute()
      const one = await tx.savepoint('one').execute()
      const two = await one.savepoint('two').execute()
      transactions.afterCommit(() => ran.push('lost'), two)
      await two.rollbackToSavepoint('one').execute()
      transactions.afterCommit(() => ran.push('kept'), two)
      await two.releaseSavepoint('one').execute()
      await tx.commit().execute()
      assert.deepEqual(ran, ['kept'])
    })

    if (dialect !== 'postgres') return
    it('drops what waits when PostgreSQL answers the COMMIT with a ROLLBACK', async ({ kysely: db, transactions }) => {
      const fail = (): never => assert.fail('nothing was committed')
      const failing = db.transaction().execute(async (trx) => {
        transactions.afterCommit(fail)
        await assert.rejects(sql`SELECT 1 / 0`.execute(trx))
      })
      await assert.rejects(failing)
      const tx = await db.startTransaction().execute()
      transactions.afterCommit(fail, tx)
      await assert.rejects(sql`SELECT 1 / 0`.execute(tx))
      await assert.rejects(tx.commit().execute())
      assert.throws(() => transactions.afterCommit(fail, tx))
    })
  },
)
