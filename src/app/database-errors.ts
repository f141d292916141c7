import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseUnavailable } from '../errors.ts'
import type { OrmAdapter } from '../orms/orm-adapter.ts'
import { Deadlines } from '../util/deadlines.ts'

/** Codes by which drivers say that the server, not the statement, is the matter. */
const codes = new Set(
  `ECONNRESET ECONNREFUSED EPIPE ETIMEDOUT ENOTFOUND EHOSTUNREACH ENETUNREACH EAI_AGAIN
  57P01 57P02 57P03 57P05 08000 08001 08003 08004 08006 CONNECTION_ENDED CONNECTION_CLOSED CONNECTION_DESTROYED
  PROTOCOL_CONNECTION_LOST PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR ER_SOCKET_UNEXPECTED_CLOSE ER_CMD_CONNECTION_CLOSED
  ER_SERVER_SHUTDOWN ER_CONNECTION_KILLED P1001 P1002 P1008 P1017 P2024
  SQLITE_BUSY SQLITE_BUSY_SNAPSHOT SQLITE_BUSY_RECOVERY SQLITE_LOCKED SQLITE_CANTOPEN`.split(/\s+/),
)
const mysqlErrnos = new Set([2006, 2013, 4031])
/** Some drivers lose the code on the second query over a dead connection. */
const text =
  /connection (terminated|ended|lost|timeout|is not open)|terminating connection|server has gone away|closed state|not queryable|client has encountered a connection error|socket hang up|query read timeout|timeout exceeded when trying to connect|server closed the connection|query ?runner already released|database is locked/i
/** Where ORMs keep the driver's error, and drivers the code. */
const nests = ['cause', 'parent', 'original', 'nativeError', 'driverError', 'meta', 'driverAdapterError'] as const
const codeNames = ['code', 'originalCode', 'sqlState'] as const

/** True if a database error, or one that it wraps, says that the database is away: nothing about any row. */
export function saysUnavailable(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 6) return false
  const fields = error as Readonly<Record<string, unknown>>
  if (codeNames.some((name) => typeof fields[name] === 'string' && codes.has(fields[name]))) return true
  if (typeof fields['errno'] === 'number' && mysqlErrnos.has(fields['errno'])) return true
  if (typeof fields['message'] === 'string' && text.test(fields['message'])) return true
  return nests.some((name) => saysUnavailable(fields[name], depth + 1))
}

/** As the adapter sees it, or as drivers in general say it. */
export function isUnavailable(adapter: OrmAdapter, error: unknown): boolean {
  return adapter.isUnavailable?.(error) === true || saysUnavailable(error)
}

/** A pool notices dead connections only when the event loop turns: a retry needs a gap. */
const reconnectDelaysMs = [10, 50, 250]
const answerWithinMs = 30_000

/** Every read of this process has the same deadline: one timer serves them all. */
const deadlines = new Deadlines(answerWithinMs)

/**
 * Reads, and reads again a few times if the database is away. Rejects with DatabaseUnavailable if it stays away, or gives
 * no answer within 30 s. Inside a transaction nothing is repeated: it is gone with its connection.
 */
export function withDatabase<T>(adapter: OrmAdapter, read: () => Promise<T>, isInTransaction: boolean): Promise<T> {
  return deadlines.guard(isInTransaction ? read() : reconnecting(adapter, read), () => {
    return new DatabaseUnavailable(`the database of ${adapter.name} gave no answer in ${answerWithinMs / 1000} s`)
  })
}

async function reconnecting<T>(adapter: OrmAdapter, read: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await read()
    } catch (error) {
      if (!isUnavailable(adapter, error)) throw error
      const delayMs = reconnectDelaysMs[attempt]
      if (delayMs === undefined) {
        const message = `the database of ${adapter.name} is not available: ${(error as Error).message}`
        throw new DatabaseUnavailable(message, { cause: error })
      }
      await sleep(delayMs)
    }
  }
}
