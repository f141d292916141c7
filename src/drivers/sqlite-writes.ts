import type { DatabaseSync } from 'node:sqlite'
import { explainSqliteError, isBusy, lockedTooLong } from './sqlite-errors.ts'
import type { SqliteFileIdentity } from './sqlite-file-identity.ts'

interface Piece {
  readonly work: () => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly askedAtMs: number
}

/** A transaction that takes longer is committed, and the rest of the turn goes into the next one. */
const longTransactionMs = 25
/** Attempts on consecutive turns of the loop before and after each pause: a lock is usually held for microseconds. */
const quickAttempts = 12

/** The one writer of a connection: what is asked for in one turn of the event loop is one transaction. */
export class WriteQueue {
  readonly #database: DatabaseSync
  readonly #path: string
  readonly #file: SqliteFileIdentity
  readonly #onCommit: () => void
  readonly #begin
  readonly #commit
  #pieces: Piece[] = []
  #isScheduled = false
  #attempts = 0
  #idle: PromiseWithResolvers<void> | undefined
  deadlineMs: number

  constructor(
    database: DatabaseSync,
    path: string,
    file: SqliteFileIdentity,
    deadlineMs: number,
    onCommit: () => void,
  ) {
    this.#database = database
    this.#path = path
    this.#file = file
    this.deadlineMs = deadlineMs
    this.#onCommit = onCommit
    this.#begin = database.prepare('BEGIN IMMEDIATE')
    this.#commit = database.prepare('COMMIT')
  }

  write<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pieces.push({ work, resolve: resolve as (value: unknown) => void, reject, askedAtMs: performance.now() })
      this.#schedule()
    })
  }

  /** Resolves when everything asked for so far is settled. */
  async idle(): Promise<void> {
    if (this.#pieces.length === 0) return
    this.#idle ??= Promise.withResolvers()
    await this.#idle.promise
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    this.#isScheduled = false
    if (this.#pieces.length === 0) return
    try {
      this.#file.check()
      this.#begin.run()
    } catch (error) {
      if (isBusy(error)) this.#waitForLock(error)
      else this.#fail(this.#pieces.splice(0), error)
      return
    }
    this.#attempts = 0
    const pieces = this.#pieces
    this.#pieces = []
    this.#run(pieces)
    if (this.#pieces.length > 0) this.#schedule()
    else this.#idle?.resolve()
    if (this.#pieces.length === 0) this.#idle = undefined
  }

  #run(pieces: Piece[]): void {
    const values: unknown[] = []
    const startedAtMs = performance.now()
    try {
      for (const piece of pieces) {
        values.push(piece.work())
        if (performance.now() - startedAtMs > longTransactionMs) break
      }
      this.#commit.run()
    } catch (error) {
      this.#rollback()
      if (isBusy(error)) this.#again(pieces, error)
      else this.#runApart(pieces)
      return
    }
    this.#pieces = values.length < pieces.length ? [...pieces.slice(values.length), ...this.#pieces] : this.#pieces
    for (let i = 0; i < values.length; i++) pieces[i]?.resolve(values[i])
    this.#onCommit()
  }

  /** After a failure: again with a savepoint around each piece, so that only those that throw are undone. */
  #runApart(pieces: Piece[]): void {
    const settled: (() => void)[] = []
    try {
      this.#begin.run()
      for (const piece of pieces) settled.push(this.#runInSavepoint(piece))
      this.#commit.run()
    } catch (error) {
      this.#rollback()
      if (isBusy(error)) this.#again(pieces, error)
      else this.#fail(pieces, error)
      return
    }
    for (const settle of settled) settle()
    this.#onCommit()
  }

  #runInSavepoint(piece: Piece): () => void {
    this.#database.exec('SAVEPOINT piece')
    try {
      const value = piece.work()
      this.#database.exec('RELEASE piece')
      return () => piece.resolve(value)
    } catch (error) {
      // A full disk or a failed read ends the whole transaction, with what the other pieces wrote.
      if (!this.#database.isTransaction) throw error
      this.#database.exec('ROLLBACK TO piece; RELEASE piece')
      return () => piece.reject(explainSqliteError(error, this.#path))
    }
  }

  #again(pieces: readonly Piece[], error: unknown): void {
    this.#pieces = [...pieces, ...this.#pieces]
    this.#waitForLock(error)
  }

  #rollback(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
  }

  #fail(pieces: readonly Piece[], error: unknown): void {
    const reason = explainSqliteError(error, this.#path)
    for (const piece of pieces) piece.reject(reason)
    if (this.#pieces.length === 0) {
      this.#idle?.resolve()
      this.#idle = undefined
    }
  }

  /** SQLite's own waiting would block the event loop. Random pauses, because two that wait alike meet again. */
  #waitForLock(error: unknown): void {
    const nowMs = performance.now()
    const firstInTime = this.#pieces.findIndex((piece) => nowMs - piece.askedAtMs < this.deadlineMs)
    const expired = this.#pieces.splice(0, firstInTime === -1 ? this.#pieces.length : firstInTime)
    if (expired.length > 0) this.#fail(expired, lockedTooLong(this.#path, this.deadlineMs, error))
    if (this.#pieces.length === 0) return
    this.#isScheduled = true
    this.#attempts++
    if (this.#attempts % quickAttempts !== 0) setImmediate(this.#flush)
    else setTimeout(this.#flush, 1 + Math.random() * 3)
  }
}
