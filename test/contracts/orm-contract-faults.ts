import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseUnavailable } from '../../src/errors.ts'
import { ModelReference } from '../../src/protocol/model-reference.ts'
import type { PrivateServer } from '../services.ts'
import { insertIn, newUser, type ModelLab, type UserRow } from './orm-contract-tools.ts'

export type DefineFault = (name: string, test: (lab: ModelLab, server: PrivateServer) => Promise<void>) => void

const withinMs = 20_000

/** What becomes of loading when connections die, and the server itself. The user does nothing about it. */
export function defineFaultTests(it: DefineFault): void {
  defineKilled(it)
  defineServerFaults(it)
  defineTransactionFaults(it)
}

function defineKilled(it: DefineFault): void {
  it('loads after its idle connections were killed', async (lab) => {
    await newUser(lab, 'Ada')
    await fillPool(lab)
    assert.ok((await lab.database.killConnections()) > 0)
    assert.equal(await loadName(lab), 'Ada')
  })

  it('loads after its connections were killed while the event loop was blocked', async (lab) => {
    await newUser(lab, 'Ada')
    await fillPool(lab)
    const killing = lab.database.killConnections(200)
    await sleep(50)
    block(500)
    const names = await Promise.all(Array.from({ length: 8 }, () => loadName(lab)))
    assert.deepEqual(new Set(names), new Set(['Ada']))
    assert.ok((await killing) > 0)
  })

  it('loads although its connection is killed during the query', async (lab) => {
    await newUser(lab, 'Ada')
    const { database } = lab
    const isPostgres = database.dialect === 'postgres'
    await database.execute(isPostgres ? 'BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE' : 'LOCK TABLES users WRITE')
    const loading = loadName(lab)
    await sleep(100)
    assert.ok((await database.killConnections()) > 0)
    await database.execute(isPostgres ? 'ROLLBACK' : 'UNLOCK TABLES')
    assert.equal(await loading, 'Ada')
  })
}

function defineServerFaults(it: DefineFault): void {
  it('loads after the server was restarted', async (lab, server) => {
    await newUser(lab, 'Ada')
    await fillPool(lab)
    await server.restart()
    assert.equal(await loadName(lab), 'Ada')
  })

  it('says that the database is unavailable while the server is down, and loads when it is back', async (lab, server) => {
    await newUser(lab, 'Ada')
    await fillPool(lab)
    await server.stop()
    try {
      const loading = lab.models.load(user, { missing: 'discard' })
      await assert.rejects(inTime(loading), DatabaseUnavailable)
    } finally {
      await server.start()
    }
    assert.equal(await loadName(lab), 'Ada')
  })

  it('loads when a server that was frozen goes on', async (lab, server) => {
    await newUser(lab, 'Ada')
    await fillPool(lab)
    const backends = lab.database.dialect === 'postgres' ? await lab.database.connections() : [server.pid]
    assert.ok(backends.length > 0)
    for (const pid of backends) process.kill(pid, 'SIGSTOP')
    const loading = loadName(lab)
    try {
      await sleep(300)
    } finally {
      for (const pid of backends) process.kill(pid, 'SIGCONT')
    }
    assert.equal(await loading, 'Ada')
  })
}

function defineTransactionFaults(it: DefineFault): void {
  it('drops what waited for a transaction whose connection dies', async (lab) => {
    const ran: string[] = []
    const failing = lab.transaction(async (tx) => {
      lab.transactions.afterCommit(() => ran.push('sent'))
      await insertIn(lab, tx, 'Ada')
      await lab.database.killConnections()
    })
    await assert.rejects(inTime(failing))
    await assert.rejects(lab.models.load(user, { grace: 0 }), /shop\.User\(1\)/)
    assert.deepEqual(ran, [])
  })

  it('says that the database is unavailable inside a transaction whose connection dies', async (lab) => {
    await newUser(lab, 'Ada')
    const failing = lab.transaction(async () => {
      assert.equal(await loadName(lab), 'Ada')
      await lab.database.killConnections()
      await assert.rejects(loadName(lab), DatabaseUnavailable)
      throw new Error('the end of it')
    })
    await assert.rejects(inTime(failing))
    assert.equal(await loadName(lab), 'Ada')
  })

  it('loses no place in the pool to connections that die', async (lab) => {
    await newUser(lab, 'Ada')
    for (let round = 0; round < 15; round++) {
      const work = Promise.allSettled([loadName(lab), ...Array.from({ length: 3 }, () => doomed(lab))])
      await sleep(5)
      await lab.database.killConnections()
      await inTime(work)
    }
    assert.equal(await loadName(lab), 'Ada')
    const { promise: all, resolve } = Promise.withResolvers<void>()
    let open = 0
    const together = Array.from({ length: 4 }, () =>
      lab.transaction(async (tx) => {
        await insertIn(lab, tx, 'together')
        if (++open === 4) resolve()
        await all
      }),
    )
    await inTime(Promise.all(together))
  })
}

const user = new ModelReference('shop.User', 1)

export async function loadName({ models }: ModelLab): Promise<string> {
  const loaded = (await inTime(models.load(user, { grace: 0 }))) as UserRow
  return loaded.name
}

async function doomed(lab: ModelLab): Promise<void> {
  await lab.transaction(async (tx) => {
    await insertIn(lab, tx, 'doomed')
    await sleep(20)
    await insertIn(lab, tx, 'doomed')
  })
}

/** As many connections as the pool opens for reads that come at once. */
async function fillPool(lab: ModelLab): Promise<void> {
  await Promise.all(Array.from({ length: 6 }, () => lab.findUser(1)))
}

function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

async function inTime<T>(promise: Promise<T>): Promise<T> {
  const stop = new AbortController()
  const late = sleep(withinMs, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`nothing happened within ${withinMs / 1000} s`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    late.catch(() => undefined)
    stop.abort()
  }
}
