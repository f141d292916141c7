import { parentPort, workerData } from 'node:worker_threads'
import type { LeaseReport } from './lease-thread.ts'
import type { SqliteLeaseData } from './sqlite-lease.ts'

const { path, leaseMs } = workerData as SqliteLeaseData
const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
// This thread has nothing else to do: it may wait inside SQLite.
const database = new DatabaseSync(path, { timeout: Math.min(leaseMs / 4, 2000) })
const renewal = database.prepare('UPDATE owner SET expires = ? WHERE id = ?')
let owner: number | undefined
let timer: NodeJS.Timeout | undefined

function renew(): void {
  clearTimeout(timer)
  if (owner === undefined) return
  let delayMs = leaseMs / 3
  try {
    if (renewal.run(Date.now() + leaseMs, owner).changes === 0) {
      report({ kind: 'lost', id: owner })
      owner = undefined
      return
    }
  } catch {
    // Locked, or the disk is full: the lease has some time left. The event loop meets the same error and tells it.
    delayMs = leaseMs / 20
  }
  timer = setTimeout(renew, delayMs)
}

function report(message: LeaseReport<number>): void {
  parentPort?.postMessage(message)
}

parentPort?.on('message', (ownerId: number) => {
  owner = ownerId
  renew()
})
report({ kind: 'ready' })
