import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { ResultBackend } from '../../src/backends/backend.ts'
import { openBackend } from '../../src/backends/open-backend.ts'
import { DecodeError, OperationalError } from '../../src/errors.ts'
import { Ear, fetchOne, ids, success } from './backend-contract-tools.ts'
import { sleep, until } from './contract.ts'

const childFile = path.join(import.meta.dirname, 'sqlite-backend-child.ts')
const options = { expiresMs: 86_400_000 }

describe('SQLite backend under faults', () => {
  let folder = ''
  let file = ''
  let backend: ResultBackend
  const children = new Set<ChildProcess>()

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-'))
    file = path.join(folder, 'results.db')
    backend = await openBackend(`sqlite:${file}`, options)
  })

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL')
    children.clear()
    await backend[Symbol.asyncDispose]()
    await fs.rm(folder, { recursive: true })
  })

  /** Starts a process and collects what it prints. */
  function start(
    mode: string,
    prefix = '',
    count = 0,
  ): { child: ChildProcess; lines: string[]; ended: Promise<unknown> } {
    const args = [childFile, mode, `sqlite:${file}`, prefix, String(count)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    children.add(child)
    const lines: string[] = []
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
    return { child, lines, ended: once(child, 'close') }
  }

  /** Commits a row as another process would, at this very moment. */
  function insertRaw(taskId: string, meta: string): void {
    using other = new DatabaseSync(file)
    other.exec('BEGIN IMMEDIATE; UPDATE result_sequence SET last = last + 1')
    other
      .prepare('INSERT INTO results (id, is_final, task_id, meta) SELECT last, 1, ?, ? FROM result_sequence')
      .run(taskId, meta)
    other.exec('COMMIT')
  }

  it('has every result whose store resolved, after a kill at any moment', async () => {
    for (const round of [0, 1, 2, 3]) {
      const { child, lines, ended } = start('store', `${round}.`, 100_000)
      await until(
        () => lines.length > 0,
        () => 'the first result',
      )
      await sleep(Math.random() * 60)
      child.kill('SIGKILL')
      await ended
      const metas = await backend.fetch(lines)
      assert.deepEqual(
        lines.filter((_, index) => metas[index]?.status !== 'SUCCESS'),
        [],
      )
    }
    await backend.store(success('after'))
    using database = new DatabaseSync(file)
    assert.deepEqual({ ...database.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' })
  })

  it('stores from three processes at once and tells of each result', async () => {
    const prefixes = ['a', 'b']
    const expected = ['a', 'b', 'c'].flatMap((prefix) => Array.from({ length: 400 }, (_, n) => `${prefix}${n}`))
    const ear = new Ear()
    await backend.watch(expected, ear.onMeta)
    const processes = prefixes.map((prefix) => start('store', prefix, 400))
    for (let n = 0; n < 400; n++) await backend.store(success(`c${n}`))
    for (const { ended } of processes) assert.deepEqual(await ended, [0, null])
    const succeeded = (): string[] => ear.heard.filter((meta) => meta.status === 'SUCCESS').map((meta) => meta.taskId)
    await until(
      () => succeeded().length >= 1200,
      () => `1200 results, heard ${succeeded().length}`,
    )
    assert.deepEqual(succeeded().toSorted(), expected.toSorted())
    assert.ok((await backend.fetch(expected)).every((meta) => meta?.status === 'SUCCESS'))
  })

  it('tells of what another connection commits at the very moment a watch begins', async () => {
    const ear = new Ear()
    const watching = backend.watch(['a'], ear.onMeta)
    insertRaw('a', JSON.stringify({ status: 'SUCCESS', result: 1, task_id: 'a' }))
    await watching
    await ear.hears('a:SUCCESS')
  })

  it('warns of a state it cannot read and goes on telling of others', async () => {
    const ear = new Ear()
    const warnings: Error[] = []
    const onWarning = (warning: Error): unknown => warnings.push(warning)
    process.on('warning', onWarning)
    await backend.watch(['a', 'b'], ear.onMeta)
    insertRaw('a', '{"status":')
    await backend.store(success('b'))
    await ear.hears('b:SUCCESS')
    process.off('warning', onWarning)
    assert.match(warnings.join(), /state of task a cannot be read/)
    await assert.rejects(backend.fetch(['a']), DecodeError)
    assert.equal((await fetchOne(backend, 'b'))?.status, 'SUCCESS')
  })

  it('lets one of two processes succeed; everybody is told the same', async () => {
    const expected = Array.from({ length: 300 }, (_, n) => `x${n}`)
    const told = new Map<string, unknown[]>(expected.map((taskId) => [taskId, []]))
    await backend.watch(expected, (meta) => {
      if (meta.status === 'SUCCESS') told.get(meta.taskId)?.push(meta.result)
    })
    const processes = [start('store', 'x', 300), start('store', 'x', 300)]
    for (const { ended } of processes) assert.deepEqual(await ended, [0, null])
    await until(
      () => [...told.values()].every((results) => results.length > 0),
      () => 'all results',
    )
    const metas = await backend.fetch(expected)
    assert.deepEqual(
      [...told.values()],
      metas.map((meta) => [meta?.result]),
    )
  })

  it('counts the parts that two processes add, each number once', async () => {
    const processes = [start('parts', 'a', 100), start('parts', 'b', 100)]
    for (const { ended } of processes) assert.deepEqual(await ended, [0, null])
    const counts = processes.flatMap(({ lines }) => lines.map(Number)).toSorted((a, b) => a - b)
    assert.deepEqual(
      counts,
      Array.from({ length: 200 }, (_, n) => n + 1),
    )
    assert.equal((await backend.groupParts('g')).length, 200)
  })

  it('waits for a locked file, reads meanwhile, and blocks nothing', async () => {
    await backend.store(success('before'))
    using other = new DatabaseSync(file)
    other.exec('BEGIN IMMEDIATE')
    let isStored = false
    const stored = backend.store(success('a')).then(() => (isStored = true))
    await sleep(100)
    assert.equal((await fetchOne(backend, 'before'))?.status, 'SUCCESS')
    assert.equal(isStored, false)
    other.exec('COMMIT')
    await stored
    assert.equal((await fetchOne(backend, 'a'))?.status, 'SUCCESS')
  })

  it('holds up other writers only for moments while it deletes what expired', async () => {
    const taskIds = ids(20_000)
    await using short = await openBackend(`sqlite:${file}`, { expiresMs: 1 })
    await Promise.all(taskIds.map((taskId) => short.store(success(taskId))))
    await sleep(5)
    const { lines, ended } = start('store', 'w', 200)
    await until(
      () => lines.length > 0,
      () => 'the other process to store',
    )
    let turns = 0
    const counter = setInterval(() => turns++, 1)
    assert.equal(await backend.deleteExpired(), 20_000)
    clearInterval(counter)
    assert.ok(turns >= 20, `the event loop turned ${turns} times`)
    assert.deepEqual(await ended, [0, null])
    assert.equal(lines.length, 200)
  })

  it('lets a process end that watches nothing any more', async () => {
    const { lines, ended } = start('leave')
    assert.deepEqual(await ended, [0, null])
    assert.deepEqual(lines, ['left'])
    assert.equal((await fetchOne(backend, 'a'))?.result, 1)
  })

  it('refuses a file whose results were written by a newer release, and leaves it as it is', async () => {
    await backend.store(success('a'))
    await backend[Symbol.asyncDispose]()
    const add = (versions: number): void => {
      using database = new DatabaseSync(file)
      database.exec(`UPDATE celeriac_schema SET version = version + ${versions} WHERE component = 'results'`)
    }
    add(90)
    await assert.rejects(openBackend(`sqlite:${file}`, options), (error: Error) => {
      assert.ok(error instanceof OperationalError)
      assert.match(error.message, /results\.db.*version 9\d/)
      return true
    })
    add(-90)
    backend = await openBackend(`sqlite:${file}`, options)
    assert.equal((await fetchOne(backend, 'a'))?.status, 'SUCCESS')
  })

  it('creates the folder, and shares the file with whoever opened it before', async () => {
    const url = `sqlite:${folder}/not/there/yet.db`
    await using one = await openBackend(url, options)
    await using two = await openBackend(url, options)
    await one.store(success('a'))
    await one[Symbol.asyncDispose]()
    assert.equal((await fetchOne(two, 'a'))?.status, 'SUCCESS')
  })
})
