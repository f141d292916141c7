import fs from 'node:fs'
import { OperationalError } from '../errors.ts'

const checkEveryMs = 1000

/** Notices that the open file was deleted or replaced: what is written to it then is seen by nobody and soon lost. */
export class SqliteFileIdentity {
  readonly #path: string
  readonly #inode: number | undefined
  #checkedAtMs: number = performance.now()

  constructor(path: string) {
    this.#path = path
    this.#inode = this.#look()
  }

  /** Throws an OperationalError if the path leads to another file by now. Looks once a second at most. */
  check(): void {
    const nowMs = performance.now()
    if (nowMs - this.#checkedAtMs < checkEveryMs) return
    if (this.#look() === this.#inode) this.#checkedAtMs = nowMs
    else {
      throw new OperationalError(
        `SQLite file ${this.#path}: deleted or replaced while it was open. Restart this process; what it could not write is lost`,
      )
    }
  }

  #look(): number | undefined {
    return fs.statSync(this.#path, { throwIfNoEntry: false })?.ino
  }
}
