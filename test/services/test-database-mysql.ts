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
  return {
    dialect: 'mysql',
    url,
    execute,
    connections,
    killConnections: async (afterMs = 0) => {
      const ids = await connections()
      // a connection may have ended by itself meanwhile
      const ignore = 'BEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;'
      const kills = ids.map((id) => `${ignore} KILL ${id}; END`)
      await execute([`DO SLEEP(${afterMs / 1000})`, ...kills].join(';\n'))
      return ids.length
    },
    async [Symbol.asyncDispose]() {
      await connection?.end()
      const last = await connected(serverUrl)
      await last.query(`DROP DATABASE ${name}`)
      await last.end()
    },
  }
}
