import { setTimeout as sleep } from 'node:timers/promises'

const attempts = 8
const longestPauseMs = 50

/** Runs a short transaction again when the database chose it as the victim of a deadlock: nothing of it was written. */
export async function retryDeadlock<T>(transact: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transact()
    } catch (error) {
      if (attempt === attempts || !isDeadlock(error)) throw error
      await sleep(1 + Math.random() * longestPauseMs)
    }
  }
}

/** ORMs wrap the driver's error in their own: the code stands somewhere along the chain. */
function isDeadlock(error: unknown): boolean {
  const seen = new Set<unknown>()
  const inner = [error]
  for (const each of inner) {
    if (typeof each !== 'object' || each === null || seen.has(each)) continue
    seen.add(each)
    const { code, errno, cause, parent, original, driverError, nativeError } = each as Readonly<Record<string, unknown>>
    // MariaDB and MySQL: 1213, and 1020 "record has changed since last read"; PostgreSQL: 40P01, 40001.
    if (code === 'ER_LOCK_DEADLOCK' || code === 'ER_CHECKREAD' || code === '40P01' || code === '40001') return true
    if (errno === 1213 || errno === 1020) return true
    inner.push(cause, parent, original, driverError, nativeError)
  }
  return false
}
