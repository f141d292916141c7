import fs from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { isBusy } from './sqlite-errors.ts'

/** The safety net behind the file watch, for what no event tells: network shares, lost events. */
const pollMs = 500
/** Without a file watch (no inotify handles left) the poll is all there is. */
const pollAloneMs = 25
/**
 * An event may come before the commit is visible, by some 10 µs, or by an fsync: look again in the next turns of the
 * event loop, then after 1, 4, 16, 64, 256 ms.
 */
const quickLooks = 10
const lastLookMs = 256
/**
 * Each event costs some 10 µs, and while this process commits all the time most tell of its own commits. After so many
 * within so long the file watch rests and a timer looks instead, until there were few own commits for some looks.
 */
const burstCommits = 32
const burstMs = 32
const restLookMs = 2
const quietLooks = 10

/**
 * Tells listeners of commits: of other connections by a watch on the WAL file and SQLite's `data_version`, of this one
 * when told by `tellOwn`. A listener keeps the process alive, as a socket would.
 */
export class CommitWatch {
  readonly #path: string
  readonly #dataVersion: StatementSync
  readonly #listeners: Set<() => void> = new Set()
  #seen: unknown
  #watcher: fs.FSWatcher | undefined
  #poll: NodeJS.Timeout | undefined
  #look: NodeJS.Timeout | undefined
  #rest: NodeJS.Timeout | undefined
  #quickLooksLeft = 0
  #ownCommits = 0
  #burstStartMs = 0

  constructor(database: DatabaseSync, path: string) {
    this.#path = path
    this.#dataVersion = database.prepare('PRAGMA data_version')
  }

  add(listener: () => void): Disposable {
    // A listener may be added twice: each registration is its own.
    const registered = (): void => listener()
    this.#listeners.add(registered)
    if (this.#listeners.size === 1) this.#start()
    return {
      [Symbol.dispose]: () => {
        if (this.#listeners.delete(registered) && this.#listeners.size === 0) this.stop()
      },
    }
  }

  /** A commit of this connection. */
  tellOwn(): void {
    if (++this.#ownCommits >= burstCommits && !this.#rest) this.#endBurst()
    this.#tell()
  }

  stop(): void {
    this.#watcher?.close()
    this.#watcher = undefined
    clearTimeout(this.#poll)
    clearTimeout(this.#look)
    clearTimeout(this.#rest)
    this.#rest = undefined
    this.#quickLooksLeft = 0
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  #start(): void {
    this.#seen = this.#version()
    this.#watch()
    this.#schedulePoll()
  }

  #version(): unknown {
    try {
      return this.#dataVersion.get()?.['data_version']
    } catch (error) {
      // Somebody repairs the file after a crash: no number equals this one, so whoever listens looks for himself.
      if (isBusy(error)) return Number.NaN
      throw error
    }
  }

  #check(): boolean {
    const version = this.#version()
    if (version === this.#seen) return false
    this.#seen = version
    this.#tell()
    return true
  }

  #watch(): void {
    try {
      this.#watcher = fs.watch(`${this.#path}-wal`, this.#onEvent)
    } catch {
      // Not there or no handles left: the poll goes on, faster, and tries again to watch.
      this.#watcher = undefined
      return
    }
    this.#watcher.on('error', () => this.#unwatch())
  }

  #unwatch(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  readonly #onEvent = (kind: string): void => {
    // The WAL file was deleted or replaced: the poll watches the next one.
    if (kind === 'rename') this.#unwatch()
    clearTimeout(this.#look)
    if (this.#check()) return
    const isLooking = this.#quickLooksLeft > 0
    this.#quickLooksLeft = quickLooks
    if (!isLooking) setImmediate(this.#lookQuickly)
  }

  readonly #lookQuickly = (): void => {
    if (this.#quickLooksLeft === 0) return
    if (this.#check()) this.#quickLooksLeft = 0
    else if (--this.#quickLooksLeft > 0) setImmediate(this.#lookQuickly)
    else this.#lookAgain(1)
  }

  #endBurst(): void {
    const nowMs = performance.now()
    if (nowMs - this.#burstStartMs < burstMs && this.#watcher) this.#restFromEvents(quietLooks)
    this.#burstStartMs = nowMs
    this.#ownCommits = 0
  }

  #restFromEvents(looksLeft: number): void {
    this.#unwatch()
    this.#ownCommits = 0
    this.#rest = setTimeout(() => {
      this.#rest = undefined
      this.#check()
      if (this.#listeners.size === 0) return
      if (this.#ownCommits > 1) this.#restFromEvents(quietLooks)
      else if (looksLeft > 0) this.#restFromEvents(looksLeft - 1)
      else {
        this.#watch()
        this.#lookAgain(1)
      }
    }, restLookMs)
  }

  #lookAgain(delayMs: number): void {
    if (this.#listeners.size === 0) return
    clearTimeout(this.#look)
    this.#look = setTimeout(() => {
      if (!this.#check() && delayMs < lastLookMs) this.#lookAgain(delayMs * 4)
    }, delayMs).unref()
  }

  #schedulePoll(): void {
    this.#poll = setTimeout(
      () => {
        if (!this.#watcher && !this.#rest) this.#watch()
        this.#check()
        if (this.#listeners.size > 0) this.#schedulePoll()
      },
      this.#watcher ? pollMs : pollAloneMs,
    )
    if (this.#watcher) this.#poll.unref()
  }
}
