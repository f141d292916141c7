import { randomBytes } from 'node:crypto'
import type { Service } from './service.ts'
import { openMysql } from './test-database-mysql.ts'
import { openPostgres } from './test-database-postgres.ts'
import { openSqlite } from './test-database-sqlite.ts'
import type { TestDatabase } from './test-database.ts'

/** A fresh database: on the server, or in a file of its own. */
export function testDatabase(service: Service | 'sqlite'): Promise<TestDatabase> {
  if (service === 'sqlite') return openSqlite()
  const name = `celeriac_${randomBytes(6).toString('hex')}`
  if (service.name === 'postgres') return openPostgres(service.url, name)
  if (service.name === 'mysql') return openMysql(service.url, name)
  throw new Error(`${service.name} has no databases`)
}
