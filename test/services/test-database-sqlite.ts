import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { SqlRow, TestDatabase } from './test-database.ts'

export async function openSqlite(): Promise<TestDatabase> {
  const folder = await mkdtemp(path.join(tmpdir(), 'celeriac-rows-'))
  const url = path.join(folder, 'rows.db')
  const database = new DatabaseSync(url)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 10000')
  return {
    dialect: 'sqlite',
    url,
    execute: async (sql) => {
      if (/^\s*select/i.test(sql)) return database.prepare(sql).all() as SqlRow[]
      database.exec(sql)
      return []
    },
    connections: () => Promise.resolve([]),
    killConnections: () => Promise.resolve(0),
    async [Symbol.asyncDispose]() {
      database.close()
      await rm(folder, { recursive: true })
    },
  }
}
