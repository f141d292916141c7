import { LeaseThread } from './lease-thread.ts'

/** What the thread is started with. */
export interface SqliteLeaseData {
  readonly path: string
  readonly leaseMs: number
}

/** `sqlite-lease-thread.ts` beside this file, or what the build made of it. */
const entry = new URL(
  `./sqlite-lease-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`,
  import.meta.url,
)

/** Renews the row of an owner; nothing before it is told of one. */
export function openSqliteLease(workerData: SqliteLeaseData, onLost: (ownerId: number) => void): LeaseThread<number> {
  return new LeaseThread({ entry, name: 'celeriac-lease', workerData, onLost })
}
