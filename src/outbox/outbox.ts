import type { Celeriac } from '../app/app.ts'
import { outboxMigration } from '../app/outbox-table.ts'
import { OutboxRelay, type OutboxStatus } from './relay.ts'

/** After an error: the database or the broker is away. Doubled each time up to the longest. */
const shortestPauseMs = 200
const longestPauseMs = 30_000
/** The table may be made while a worker runs. */
const tableCheckMs = 60_000

/** The outboxes of an app's databases: makes their tables, and relays what is written into them. */
export class Outbox {
  readonly #app: Celeriac

  constructor(app: Celeriac) {
    this.#app = app
  }

  /** Makes the table in the database of every ORM of the app, where it is not there yet. Returns their names. */
  async migrate(): Promise<string[]> {
    const made: string[] = []
    for (const { name, transactions } of this.#app.models.adapters) {
      if (!transactions) continue
      const sql = outboxMigration(transactions.dialect, this.#app.config.outbox.table)
      await transactions.run((tx) => transactions.execute(tx, sql, []))
      made.push(name)
    }
    return made
  }

  /** Throws when a database cannot be reached, or has no outbox. */
  status(): Promise<OutboxStatus[]> {
    return Promise.all(
      OutboxRelay.of(this.#app).map(async (relay) => {
        using each = relay
        return await each.status()
      }),
    )
  }

  /** Relays until `signal` aborts. Errors are logged, and tried again after a pause. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(
      OutboxRelay.of(this.#app).map(async (relay) => {
        using each = relay
        await this.#relay(each, signal)
      }),
    )
  }

  async #relay(relay: OutboxRelay, signal: AbortSignal): Promise<void> {
    const alarm = new Alarm(signal)
    const off = this.#app.onOutboxWritten(() => alarm.ring())
    let pauseMs = shortestPauseMs
    try {
      let hasTable = false
      while (!signal.aborted) {
        try {
          hasTable ||= await relay.hasTable()
          const mayBeMore = hasTable && (await relay.relayBatch())
          pauseMs = shortestPauseMs
          if (!mayBeMore) await alarm.wait(hasTable ? this.#app.config.outbox.pollIntervalMs : tableCheckMs)
        } catch (error) {
          this.#app.log.error(
            { err: error, orm: relay.name, pause: pauseMs / 1000 },
            'The outbox of {orm} could not be relayed; trying again in {pause}s',
          )
          await alarm.wait(pauseMs, { evenIfRung: true })
          pauseMs = Math.min(pauseMs * 2, longestPauseMs)
        }
      }
    } finally {
      off()
    }
  }
}

/** Waits that end early when somebody rings, also if that was while nobody waited. */
class Alarm {
  readonly #signal: AbortSignal
  #isRung = false
  #wake: (() => void) | undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  ring(): void {
    this.#isRung = true
    this.#wake?.()
  }

  async wait(ms: number, { evenIfRung = false }: { readonly evenIfRung?: boolean } = {}): Promise<void> {
    if (this.#signal.aborted || (this.#isRung && !evenIfRung)) {
      this.#isRung = false
      return
    }
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#signal.removeEventListener('abort', end)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(end, ms)
      this.#signal.addEventListener('abort', end, { once: true })
      if (!evenIfRung) this.#wake = end
    })
    if (!evenIfRung) this.#isRung = false
  }
}
