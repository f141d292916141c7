import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import type { Message } from '../protocol/message.ts'
import type { IsOver } from './broker.ts'
import { readHeaders } from './sqlite-rows.ts'
import type { SqliteStore } from './sqlite-store.ts'

/** 9 - priority. */
const ranks = Array.from({ length: 10 }, (_, rank) => rank)

interface Found {
  readonly id: number
  readonly rank: number
  readonly headers: Message['headers']
}

/** See `Broker.prune`. Looks without the write lock; what somebody took or deleted meanwhile is his. */
export async function pruneSqlite(
  database: SqliteDatabase,
  store: SqliteStore,
  queue: string,
  limit: number,
  isOver: IsOver,
): Promise<Message['headers'][]> {
  const looked = await database.read(() => ranks.flatMap((rank) => first(database, queue, rank, limit)))
  const found = looked.filter(({ headers }) => isOver(headers))
  if (found.length === 0) return []
  const deleted = await database.write(() => {
    const remove = database.prepare('DELETE FROM ready WHERE queue = ? AND rank = ? AND id = ?')
    const gone = found.filter(({ rank, id }) => remove.run(queue, rank, id).changes === 1)
    store.deleteMessages(gone.map(({ id }) => id))
    return gone
  })
  return deleted.map(({ headers }) => headers)
}

function first(database: SqliteDatabase, queue: string, rank: number, limit: number): Found[] {
  const rows = database
    .prepare(
      `SELECT r.id, m.envelope FROM (SELECT id FROM ready WHERE queue = ? AND rank = ? ORDER BY id LIMIT ?) r
       JOIN message m ON m.id = r.id`,
    )
    .all(queue, rank, limit)
  return rows.map((row) => ({ id: Number(row['id']), rank, headers: readHeaders(String(row['envelope'])) }))
}
