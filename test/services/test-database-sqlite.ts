import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { folderVariable } from './keeper-client.ts'
import type { SqlRow, TestDatabase } from './test-database.ts'

type Reply = { readonly rows: readonly SqlRow[] } | { readonly error: string }

/** The file is also open in another process, which runs the statements. */
export async function openSqlite(): Promise<TestDatabase> {
  const folder = await mkdtemp(path.join(process.env[folderVariable] ?? tmpdir(), 'celeriac-rows-'))
  const url = path.join(folder, 'rows.db')
  const child = fork(path.join(import.meta.dirname, 'sqlite-child.ts'), [url], { execArgv: [] })
  await once(child, 'message')
  let last: Promise<unknown> = Promise.resolve()
  const ask = async (sql: string): Promise<readonly SqlRow[]> => {
    const answer = once(child, 'message')
    child.send(sql)
    const [reply] = (await answer) as [Reply]
    if ('error' in reply) throw new Error(reply.error)
    return reply.rows
  }
  return {
    dialect: 'sqlite',
    url,
    execute: (sql) => {
      const answer = last.then(() => ask(sql))
      last = answer.catch(() => undefined)
      return answer
    },
    connections: () => Promise.resolve([]),
    killConnections: () => Promise.resolve(0),
    async [Symbol.asyncDispose]() {
      const end = once(child, 'exit')
      child.disconnect()
      await end
      await rm(folder, { recursive: true })
    },
  }
}
