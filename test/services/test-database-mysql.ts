import { createConnection, type Connection } from 'mysql2/promise'
import { withDatabaseName, type SqlRow, type TestDatabase } from './test-database.ts'

async function connected(url: string): Promise<Connection> {
  const connection = await createConnection({ uri: url, multipleStatements: true })
  connection.on('error', () => undefined)
  return connection
}

const others = 'FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()'

export async function openMysql(serverUrl: string, name: string): Promise<TestDatabase> {
  const server = await connected(serverUrl)
  await server.query(`CREATE DATABASE ${name}`)
  await server.end()
  const url = withDatabaseName(serverUrl, name)
  let connection: Connection | undefined
  const reconnecting = async (): Promise<Connection> => {
    const next = await connected(url)
    return next.on('error', () => void (connection = undefined))
  }
  const execute = async (sql: string): Promise<readonly SqlRow[]> => {
    connection ??= await reconnecting()
    const [rows] = await connection.query(sql)
    return Array.isArray(rows) ? (rows as SqlRow[]) : []
  }
  const connections = async (): Promise<readonly number[]> =>
    (await execute(`SELECT id ${others}`)).map((row) => Number(row['id'] ?? row['ID']))
  const killConnections = async (afterMs = 0): Promise<number> => {
    const kills = (await connections()).map((id) => `KILL ${id}`)
    if (afterMs > 0) await execute([`DO SLEEP(${afterMs / 1000})`, ...kills].join('; '))
    else for (const kill of kills) await execute(kill).catch(unlessGone)
    return kills.length
  }
  return {
    dialect: 'mysql',
    url,
    execute,
    connections,
    killConnections,
    async [Symbol.asyncDispose]() {
      // what is still in a transaction would hold up the end
      await killConnections()
      await connection?.end()
      const last = await connected(serverUrl)
      await last.query(`DROP DATABASE ${name}`)
      await last.end()
    },
  }
}

/** It may have ended by itself meanwhile. */
function unlessGone(error: { readonly errno?: number }): void {
  if (error.errno !== 1094) throw error as Error
}
