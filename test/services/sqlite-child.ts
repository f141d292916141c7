import { DatabaseSync } from 'node:sqlite'

/** Runs statements on an SQLite file for its parent: two SQLite libraries in one process would drop each other's locks. */
const database = new DatabaseSync(process.argv[2] ?? '')
database.exec('PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 10000')

function run(sql: string): object {
  try {
    if (/^\s*select/i.test(sql)) return { rows: database.prepare(sql).all() }
    database.exec(sql)
    return { rows: [] }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

process.on('message', (sql: string) => process.send?.(run(sql)))
process.once('disconnect', () => process.exit())
process.send?.({ rows: [] })
