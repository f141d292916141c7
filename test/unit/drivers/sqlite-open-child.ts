import { openSqliteDatabase } from '../../../src/drivers/open-sqlite-database.ts'

/** Opens a file, writes to it, and prints what went wrong. */
try {
  const database = await openSqliteDatabase(process.argv[2] ?? '')
  await database.write(() => database.prepare('CREATE TABLE x (n)').run())
  console.log('opened')
} catch (error) {
  console.log(error instanceof Error ? `${error.name} ${error.message}` : String(error))
}
