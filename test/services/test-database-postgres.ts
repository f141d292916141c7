import { Client } from 'pg'
import { withDatabaseName, type SqlRow, type TestDatabase } from './test-database.ts'

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: 'celeriac tests' })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

const others = 'FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'

export async function openPostgres(serverUrl: string, name: string): Promise<TestDatabase> {
  const server = await connected(serverUrl)
  await server.query(`CREATE DATABASE ${name}`)
  await server.end()
  const url = withDatabaseName(serverUrl, name)
  let client: Client | undefined
  const reconnecting = async (): Promise<Client> => {
    const next = await connected(url)
    return next.once('end', () => void (client = undefined))
  }
  const execute = async (sql: string): Promise<readonly SqlRow[]> => {
    client ??= await reconnecting()
    const result: unknown = await client.query(sql)
    const last = (Array.isArray(result) ? result.at(-1) : result) as { readonly rows: SqlRow[] }
    return last.rows
  }
  return {
    dialect: 'postgres',
    url,
    execute,
    connections: async () => (await execute(`SELECT pid ${others}`)).map(({ pid }) => Number(pid)),
    killConnections: async (afterMs = 0) => {
      const wait = afterMs > 0 ? `SELECT pg_sleep(${afterMs / 1000}); ` : ''
      return (await execute(`${wait}SELECT pg_terminate_backend(pid, 5000) ${others}`)).length
    },
    async [Symbol.asyncDispose]() {
      await client?.end()
      const last = await connected(serverUrl)
      await last.query(`DROP DATABASE ${name} WITH (FORCE)`)
      await last.end()
    },
  }
}
