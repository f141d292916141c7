import assert from 'node:assert/strict'
import { openObjectionLab, User } from './objection-lab.ts'
import { describeWithLab } from './orm-contract.ts'

const databases = ['sqlite', 'postgres', 'mysql'] as const

describeWithLab('knex transactions', { databases, open: openObjectionLab }, (it, dialect) => {
  it('follows them however they begin', async ({ knex, transactions }) => {
    const ran: string[] = []
    await knex.transaction(async () => void transactions.afterCommit(() => ran.push('knex')))
    await User.transaction(knex, async () => void transactions.afterCommit(() => ran.push('model')))
    await User.bindKnex(knex).transaction(async () => void transactions.afterCommit(() => ran.push('bound model')))
    const provided = await knex.transactionProvider()()
    transactions.afterCommit(() => ran.push('provider'), provided)
    await provided.commit()
    await knex.transaction((trx) => {
      transactions.afterCommit(() => ran.push('old style'))
      trx.raw('SELECT 1').then(
        () => trx.commit(),
        (error: Error) => trx.rollback(error),
      )
    })
    assert.deepEqual(ran, ['knex', 'model', 'bound model', 'provider', 'old style'])
  })

  it('follows those begun by hand, and what is nested in them', async ({ knex, transactions }) => {
    const ran: string[] = []
    const trx = await User.startTransaction(knex)
    assert.equal(transactions.current(), undefined)
    transactions.afterCommit(() => ran.push('first'), trx)
    const nested = await trx.transaction()
    transactions.afterCommit(() => ran.push('lost'), nested)
    transactions.afterCommit(() => ran.push('lost, by the outer handle'), trx)
    await nested.rollback()
    await trx.savepoint(async (inner) => {
      transactions.afterCommit(() => ran.push('ambient'))
      transactions.afterCommit(() => ran.push('by handle'), inner)
    })
    await trx.commit()
    assert.deepEqual(ran, ['first', 'ambient', 'by handle'])
    assert.throws(() => transactions.afterCommit(() => undefined, trx))
  })

  it('drops what waits where Knex resolves after a rollback', async ({ knex, transactions }) => {
    const fail = (): never => assert.fail('nothing was committed')
    const trx = await knex.transaction()
    transactions.afterCommit(fail, trx)
    await trx.rollback()
    await trx.executionPromise
    await knex.transaction(async (inner) => {
      transactions.afterCommit(fail)
      await inner.rollback()
    })
    const both = await knex.transaction()
    transactions.afterCommit(fail, both)
    await Promise.allSettled([both.rollback(), both.commit()])
  })

  it('gives the connection back before callbacks run', async ({ knex, transactions }) => {
    const order: string[] = []
    const { client } = knex as unknown as { client: { releaseConnection(connection: object): Promise<void> } }
    const release = client.releaseConnection.bind(client)
    client.releaseConnection = (connection) => {
      order.push('released')
      return release(connection)
    }
    await knex.transaction(async () => void transactions.afterCommit(() => order.push('callback')))
    const trx = await knex.transaction()
    transactions.afterCommit(() => order.push('callback'), trx)
    await trx.commit()
    order.push('committed')
    assert.deepEqual(order, ['released', 'callback', 'released', 'callback', 'committed'])
  })

  if (dialect !== 'postgres') return
  it('drops what waits when PostgreSQL answers the COMMIT with a ROLLBACK', async ({ knex, transactions }) => {
    await knex.transaction(async (trx) => {
      transactions.afterCommit(() => assert.fail('nothing was committed'))
      await assert.rejects(trx.raw('SELECT 1 / 0'))
    })
  })
})
