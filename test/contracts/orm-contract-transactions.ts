import assert from 'node:assert/strict'
import { Transactions, type Scope } from '../../src/app/transactions.ts'
import { DatabaseUnavailable, InvalidArguments } from '../../src/errors.ts'
import { ModelReference } from '../../src/protocol/model-reference.ts'
import {
  adapterWith,
  inApp,
  insertIn,
  newUser,
  spoilCommit,
  type DefineOrm,
  type UserRow,
} from './orm-contract-tools.ts'

const stop = new Error('stop here')

export function defineTransactionTests(it: DefineOrm): void {
  it('runs a callback at once when no transaction is open', async ({ transactions }) => {
    const ran: string[] = []
    assert.equal(transactions.current(), undefined)
    assert.equal(
      transactions.afterCommit(() => ran.push('now')),
      'now',
    )
    assert.deepEqual(ran, ['now'])
  })

  it('runs callbacks after the COMMIT, in order, before transaction() resolves, and outside of it', async (lab) => {
    const ran: unknown[] = []
    const { transactions } = lab
    await lab.transaction(async (tx) => {
      assert.equal(transactions.current()?.adapter, lab.adapter)
      await insertIn(lab, tx, 'inside')
      assert.equal(
        transactions.afterCommit(async () => {
          const seen = await lab.models.load(new ModelReference('shop.User', 1), { grace: 0 })
          ran.push((seen as UserRow).name, transactions.current())
        }),
        'queued',
      )
      transactions.afterCommit(() => ran.unshift('started second'))
      assert.deepEqual(ran, [])
    })
    assert.deepEqual(ran, ['started second', 'inside', undefined])
    assert.equal(transactions.current(), undefined)
  })

  it('drops callbacks of a transaction that is rolled back', async (lab) => {
    const ran: string[] = []
    const rejected = lab.transaction(async () => {
      lab.transactions.afterCommit(() => ran.push('sent'))
      throw stop
    })
    await assert.rejects(rejected, stop)
    assert.deepEqual(ran, [])
  })

  it('drops callbacks of a transaction whose COMMIT fails', async (lab) => {
    const ran: string[] = []
    const rejected = lab.transaction(async (tx) => {
      lab.transactions.afterCommit(() => ran.push('sent'))
      await spoilCommit(lab, tx)
    })
    await assert.rejects(rejected)
    assert.equal(ran.length, 0)
    await lab.transaction(async () => void lab.transactions.afterCommit(() => ran.push('next')))
    assert.deepEqual(ran, ['next'])
  })

  it('is exact to the savepoint', async (lab) => {
    const ran: string[] = []
    const { transactions } = lab
    const after = (name: string): unknown => transactions.afterCommit(() => ran.push(name))
    await lab.transaction(async (tx) => {
      after('outer')
      await lab.savepoint(tx, async (inner) => {
        after('kept')
        await assert.rejects(
          lab.savepoint(inner, async () => {
            after('lost, innermost')
            throw stop
          }),
        )
      })
      await assert.rejects(
        lab.savepoint(tx, async (inner) => {
          await lab.savepoint(inner, async () => void after('lost, committed inside'))
          after('lost')
          throw stop
        }),
      )
      after('last')
      assert.deepEqual(ran, [])
    })
    assert.deepEqual(ran, ['outer', 'kept', 'last'])
  })

  it('never lets an error of a callback into the transaction', async (lab) => {
    const ran: string[] = []
    const result = await lab.transaction(async () => {
      lab.transactions.afterCommit(() => {
        throw stop
      })
      lab.transactions.afterCommit(() => Promise.reject(stop))
      lab.transactions.afterCommit(() => ran.push('the next'))
      return 'done'
    })
    assert.equal(result, 'done')
    assert.deepEqual(ran, ['the next'])
    assert.deepEqual(lab.callbackErrors, [stop, stop])
  })

  it('takes the transaction by its handle, and refuses one that is not open', async (lab) => {
    const ran: string[] = []
    let handle: object = {}
    await lab.transaction(async (tx) => {
      handle = tx
      lab.transactions.outside(() => {
        assert.equal(lab.transactions.current(), undefined)
        assert.equal(
          lab.transactions.afterCommit(() => ran.push('by handle'), tx),
          'queued',
        )
        lab.transactions.within(tx, () => lab.transactions.afterCommit(() => ran.push('within')))
      })
    })
    assert.deepEqual(ran, ['by handle', 'within'])
    assert.throws(() => lab.transactions.afterCommit(() => undefined, handle), InvalidArguments)
    assert.throws(() => lab.transactions.afterCommit(() => undefined, {}), InvalidArguments)
  })

  it('tells a call that outlived its transaction what became of it', async (lab) => {
    const { transactions } = lab
    const ran: string[] = []
    const scopes = await lab.transaction(async (tx) => {
      const outer = transactions.current()
      const inner = await lab.savepoint(tx, async () => transactions.current())
      const lost: Scope[] = []
      await assert.rejects(
        lab.savepoint(tx, async () => {
          lost.push(...[transactions.current() ?? []].flat())
          throw stop
        }),
      )
      const states = [outer, inner, ...lost].map((scope) => scope?.state)
      assert.deepEqual(states, ['open', 'open', 'rolledBack'])
      assert.equal(
        inner?.afterCommit(() => ran.push('late, in a released savepoint')),
        'queued',
      )
      assert.equal(ran.length, 0)
      return [outer, inner, ...lost]
    })
    assert.deepEqual(ran, ['late, in a released savepoint'])
    assert.deepEqual(
      scopes.map((scope) => scope?.state),
      ['committed', 'committed', 'rolledBack'],
    )
    const outcomes = scopes.map((scope) => scope?.afterCommit(() => ran.push('late')))
    assert.deepEqual(outcomes, ['now', 'now', 'dropped'])
    assert.deepEqual(ran.slice(1), ['late', 'late'])
  })

  it('keeps any number of callbacks of a savepoint', async (lab) => {
    let ran = 0
    await lab.transaction((tx) =>
      lab.savepoint(tx, async () => {
        for (let i = 0; i < 200_000; i++) lab.transactions.afterCommit(() => ran++)
      }),
    )
    assert.equal(ran, 200_000)
  })

  it('loads inside the open transaction what only it can see', async (lab) => {
    const seen: (object | undefined)[] = []
    const { adapter } = lab
    const watched = adapterWith(adapter, {
      fetch: (model, keys, options) => {
        seen.push(options.tx)
        return adapter.fetch(model, keys, options)
      },
    })
    const { models, transactions } = inApp(lab, watched)
    await lab.transaction(async (tx) => {
      await insertIn(lab, tx, 'uncommitted')
      assert.equal((await models.ref<UserRow>('shop.User', 1).load()).name, 'uncommitted')
      assert.deepEqual(seen, [transactions.current()?.tx])
    })
    await models.ref<UserRow>('shop.User', 1).load()
    assert.equal(seen.at(-1), undefined)
  })

  it('sees no transactions any more once uninstalled', async (lab) => {
    const other = new Transactions(() => assert.fail())
    const uninstall = other.install(lab.adapter)
    await lab.transaction(async () => assert.ok(other.current()))
    uninstall()
    await lab.transaction(async () => {
      assert.equal(other.current(), undefined)
      assert.ok(lab.transactions.current())
    })
  })

  it('says that the database is unavailable when it is, not that the row is missing', async (lab) => {
    const user = await newUser(lab, 'Ada')
    const { adapter } = lab
    let failures = 2
    const flaky = adapterWith(adapter, {
      fetch: (...args) => (failures-- > 0 ? Promise.reject(wrapped('57P01')) : adapter.fetch(...args)),
    })
    const { models } = inApp(lab, flaky)
    assert.equal(((await models.load(models.toReferences<object>(user))) as UserRow).name, 'Ada')
    failures = Infinity
    await assert.rejects(models.load(models.toReferences<object>(user), { missing: 'discard' }), DatabaseUnavailable)
  })
}

/** As ORMs report it: the driver's error inside their own. */
function wrapped(code: string): Error {
  return new Error('query failed', { cause: Object.assign(new Error('terminating'), { code }) })
}
