import type { Celeriac } from '../app/app.ts'
import { canHoldOutbox, outboxMigration } from '../app/outbox-table.ts'
import { OperationalError } from '../errors.ts'
import type { OrmTransactions } from '../orms/orm-adapter.ts'
import { Alarm } from './alarm.ts'
import { OutboxRelay, type OutboxStatus } from './relay.ts'
import { SqliteRows } from './sqlite-rows.ts'

/** After an error: the database or the broker is away. Doubled each time up to the longest, and varied by a quarter. */
const shortestPauseMs = 200
const longestPauseMs = 10_000
/** The table may be made while a worker runs. */
const tableCheckMs = 60_000
/** A stop waits so much longer than for the broker: a database that is frozen must not hold up the exit. */
const spareMs = 5000

/** A relay that cannot send what waits. */
export interface RelayTrouble {
  /** The ORM whose database it reads. */
  readonly orm: string
  /** How often in a row it failed. */
  readonly attempts: number
  /** In the last attempt. */
  readonly error: string
}

/** The outboxes of an app's databases: makes their tables, and relays what is written into them. */
export class Outbox {
  readonly #app: Celeriac
  /** Those that `run` has found a table for. */
  readonly #relays = new Set<OutboxRelay>()
  readonly #troubles = new Map<OutboxRelay, RelayTrouble>()

  constructor(app: Celeriac) {
    this.#app = app
  }

  /** Makes the table in the database of every ORM of the app, where it is not there yet. Returns their names. */
  async migrate(): Promise<string[]> {
    const made: string[] = []
    for (const { name, transactions } of this.#app.models.adapters) {
      if (!transactions || !canHoldOutbox(transactions)) continue
      await this.#makeTable(name, transactions)
      made.push(name)
    }
    return made
  }

  /** Throws OperationalError when a database cannot be reached, or has no outbox. */
  status(): Promise<OutboxStatus[]> {
    return Promise.all(
      OutboxRelay.of(this.#app).map(async (relay) => {
        using each = relay
        if (await each.hasTable()) return await each.status()
        throw new OperationalError(`the database of ${each.name} has no outbox: ${this.#advice}`)
      }),
    )
  }

  get #advice(): string {
    return `make its table ${this.#app.config.outbox.table} with 'celeriac migrate'`
  }

  /** As `status`, of what `run` relays now, over its connections. */
  depths(): Promise<OutboxStatus[]> {
    return Promise.all([...this.#relays].map((relay) => relay.status()))
  }

  /** Of what `run` relays now. */
  get troubles(): RelayTrouble[] {
    return [...this.#troubles.values()]
  }

  /** Relays until `signal` aborts, and the batch in hand is done. Errors are logged, and tried again after a pause. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(
      OutboxRelay.of(this.#app).map(async (relay) => {
        using each = relay
        await this.#untilStopped(each, signal)
      }),
    )
  }

  async #makeTable(name: string, transactions: OrmTransactions): Promise<void> {
    const { dialect, file } = transactions
    const sql = outboxMigration(dialect, this.#app.config.outbox.table)
    if (dialect === 'sqlite' && file !== undefined) {
      using rows = new SqliteRows(file, this.#app.config.outbox.table)
      return await rows.create(sql)
    }
    try {
      await transactions.run((tx) => transactions.execute(tx, sql, []))
    } catch (error) {
      // PostgreSQL fails where another process makes the same table at the same time.
      if (dialect !== 'postgres') throw error
      using relay = new OutboxRelay(this.#app, name, transactions)
      if (!(await relay.hasTable())) throw error
    }
  }

  async #untilStopped(relay: OutboxRelay, signal: AbortSignal): Promise<void> {
    const relayed = this.#relay(relay, signal)
    const patienceMs = this.#app.config.task.publishTimeoutMs + spareMs
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<true>((resolve) => {
      const start = (): void => void (timer = setTimeout(() => resolve(true), patienceMs))
      if (signal.aborted) start()
      else signal.addEventListener('abort', start, { once: true })
    })
    const isLate = await Promise.race([relayed.then(() => false), tooLate])
    clearTimeout(timer)
    if (isLate) {
      this.#app.log.warn(
        { orm: relay.name },
        'The database of {orm} does not answer the relay of its outbox; stopping without it, nothing is lost',
      )
    }
  }

  async #relay(relay: OutboxRelay, signal: AbortSignal): Promise<void> {
    const alarm = new Alarm(signal)
    const off = this.#app.outboxCommits.on(() => alarm.ring())
    let pauseMs = shortestPauseMs
    try {
      let hasTable = false
      let isTold = false
      while (!signal.aborted) {
        try {
          hasTable ||= await relay.hasTable()
          if (hasTable) this.#relays.add(relay)
          else if (!isTold) this.#tellOfNoTable(relay)
          isTold = true
          // Only an empty batch says that nothing waits: one that is not full may have been cut short by its size.
          const count = hasTable ? await relay.relayBatch() : 0
          if (pauseMs > shortestPauseMs) this.#app.log.info({ orm: relay.name }, 'The outbox of {orm} is relayed again')
          pauseMs = shortestPauseMs
          this.#troubles.delete(relay)
          if (count === 0) await alarm.wait(hasTable ? this.#app.config.outbox.pollIntervalMs : tableCheckMs)
        } catch (error) {
          this.#noteTrouble(relay, error)
          this.#app.log.error(
            { err: error, orm: relay.name, pause: pauseMs / 1000 },
            'The outbox of {orm} could not be relayed; trying again in {pause}s',
          )
          await alarm.pause(pauseMs * (0.75 + Math.random() / 2))
          pauseMs = Math.min(pauseMs * 2, longestPauseMs)
        }
      }
    } finally {
      off()
      this.#relays.delete(relay)
      this.#troubles.delete(relay)
    }
  }

  /** Without the setting most databases need none. */
  #tellOfNoTable(relay: OutboxRelay): void {
    if (this.#app.config.task.dispatch !== 'outbox') return
    this.#app.log.warn(
      { orm: relay.name, advice: this.#advice },
      "The database of {orm} has no outbox, which task_dispatch 'outbox' needs: {advice}",
    )
  }

  #noteTrouble(relay: OutboxRelay, error: unknown): void {
    const attempts = (this.#troubles.get(relay)?.attempts ?? 0) + 1
    const message = error instanceof Error ? error.message : String(error)
    this.#troubles.set(relay, { orm: relay.name, attempts, error: message })
  }
}
