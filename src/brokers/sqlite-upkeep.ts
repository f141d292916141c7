import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import type { SqliteChannels } from './sqlite-channels.ts'
import type { LeaseThread } from './lease-thread.ts'
import { openSqliteLease } from './sqlite-lease.ts'
import type { SqliteLedger } from './sqlite-ledger.ts'
import type { SqliteOwners } from './sqlite-owners.ts'

/** How often to look for processes that are gone: that is how long what a killed worker held waits at most. */
const roundMs = 2000
/** Of shorter leases little may be left when the thread has started, and a body may block the event loop from its start. */
const longLeaseMs = 10_000

/** Keeps this broker's loans, by a thread, and returns those of brokers that are gone. */
export class SqliteUpkeep {
  readonly #database: SqliteDatabase
  readonly #owners: SqliteOwners
  readonly #ledger: SqliteLedger
  readonly #channels: SqliteChannels
  readonly #roundMs: number
  #thread: LeaseThread<number> | undefined
  #timer: NodeJS.Timeout | undefined
  #kept: number | undefined
  #renewedAtMs = 0
  #round: Promise<void> | undefined
  #isStopped = false
  #hasWarned = false

  constructor(database: SqliteDatabase, owners: SqliteOwners, ledger: SqliteLedger, channels: SqliteChannels) {
    this.#database = database
    this.#owners = owners
    this.#ledger = ledger
    this.#channels = channels
    this.#roundMs = Math.min(roundMs, owners.leaseMs / 3)
  }

  start(): void {
    if (this.#timer || this.#isStopped) return
    this.#timer = setInterval(() => {
      this.#round ??= this.#doRound()
    }, this.#roundMs).unref()
  }

  /** For a broker that is going to hold loans: with a thread, and after it has returned what others left behind. */
  async startForLoans(): Promise<void> {
    this.start()
    this.#thread ??= openSqliteLease({ path: this.#database.path, leaseMs: this.#owners.leaseMs }, this.#lose)
    if (this.#kept !== undefined) this.#thread.keep(this.#kept)
    await this.#buryDead()
    if (this.#owners.leaseMs < longLeaseMs) await this.#thread.started()
  }

  /** The id of this broker's row as the last commit knows it; another one than before means that the row was lost. */
  readonly keep = (ownerId: number): void => {
    if (ownerId === this.#kept) return
    const before = this.#kept
    this.#kept = ownerId
    this.#renewedAtMs = Date.now()
    this.#thread?.keep(ownerId)
    if (before !== undefined) this.#lose(before)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    await this.#round
    await this.#thread?.stop()
  }

  readonly #lose = (ownerId: number): void => {
    if (this.#kept === ownerId) this.#kept = undefined
    this.#ledger.loseOwner(ownerId)
  }

  /** What fails is tried again in the next round; meanwhile the lease runs on, and whoever publishes or settles is told. */
  async #doRound(): Promise<void> {
    try {
      await this.#renew()
      if (this.#thread) await this.#buryDead()
      this.#hasWarned = false
    } catch (error) {
      this.#warn(error)
    } finally {
      this.#round = undefined
    }
  }

  /** Once an outage. */
  #warn(error: unknown): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    process.emitWarning(`Loans of messages could not be looked after: ${String(error)}`, { code: 'CELERIAC_BROKER' })
  }

  async #renew(): Promise<void> {
    const kept = this.#kept
    if (kept !== undefined) {
      const isThere = await this.#database.read(() => this.#owners.exists(kept))
      if (!isThere) this.#lose(kept)
      else if (!this.#thread?.isReady && Date.now() - this.#renewedAtMs >= this.#owners.leaseMs / 3) {
        await this.#database.write(() => this.#owners.renew(kept))
        this.#renewedAtMs = Date.now()
      }
    }
    if (this.#kept === undefined && this.#channels.size > 0) {
      this.keep(await this.#database.write(() => this.#channels.registerAll()))
    }
  }

  async #buryDead(): Promise<void> {
    const dead = await this.#database.read(() => this.#owners.findDead())
    if (dead.length > 0) await this.#database.write(() => this.#owners.buryDead())
  }
}
