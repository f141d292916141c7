// Serves the outbox table of a SQLite file to the process that started this one (`sqlite-process.ts`), and ends with it.
import { SqliteTable } from './sqlite-table.ts'
import type { SqliteAnswer, SqliteRequest } from './sqlite-process.ts'

const [, , file = '', name = ''] = process.argv
const table = new SqliteTable(file, name)

// Ctrl-C in a terminal reaches this process too, which is needed until the other one is done.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => process.exit())
process.on('message', (request: SqliteRequest) => {
  // Where nobody listens any more, `disconnect` ends this process.
  void answer(request).then((reply) => process.send?.(reply, undefined, undefined, () => undefined))
})

async function answer({ id, operation, argument }: SqliteRequest): Promise<SqliteAnswer> {
  try {
    return { id, value: await table[operation](argument as never) }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}
