import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { OperationalError } from '../errors.ts'
import type { SqliteTable } from './sqlite-table.ts'

type Operation = keyof SqliteTable

export interface SqliteRequest {
  readonly id: number
  readonly operation: Operation
  readonly argument: unknown
}

export type SqliteAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }

const entry = fileURLToPath(import.meta.url).replace(/sqlite-process(\.[jt]s)$/, 'sqlite-child$1')

/**
 * A process of its own for the outbox of a SQLite file. The ORM's driver and node:sqlite are two copies of SQLite: in one
 * process neither sees the file locks of the other, and when one closes the file, the other loses its locks and its
 * write-ahead log, with what was committed. Started at the first use, and again if it died.
 */
export class SqliteProcess implements Disposable {
  readonly #file: string
  readonly #table: string
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #child: ChildProcess | undefined
  #lastId = 0

  constructor(file: string, table: string) {
    this.#file = file
    this.#table = table
  }

  /** Throws OperationalError when the file cannot be used, or the process ended before it answered. */
  ask<O extends Operation>(
    operation: O,
    ...[argument]: Parameters<SqliteTable[O]>
  ): Promise<Awaited<ReturnType<SqliteTable[O]>>> {
    const request: SqliteRequest = { id: ++this.#lastId, operation, argument }
    const answer = Promise.withResolvers<unknown>()
    this.#waiting.set(request.id, answer)
    this.#child ??= this.#start()
    this.#child.send(request, (error) => {
      if (error) this.#settle({ id: request.id, error: error.message })
    })
    return answer.promise as Promise<Awaited<ReturnType<SqliteTable[O]>>>
  }

  [Symbol.dispose](): void {
    if (this.#child?.connected) this.#child.disconnect()
    this.#child = undefined
  }

  #start(): ChildProcess {
    const child = fork(entry, [this.#file, this.#table], {
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: '' },
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    child.on('message', (answer: SqliteAnswer) => this.#settle(answer))
    child.once('error', (error) => this.#ended(child, error.message))
    child.once('exit', (code, signal) => this.#ended(child, `its process ended (${code ?? signal})`))
    return child
  }

  #ended(child: ChildProcess, reason: string): void {
    // Those of a process that was started after it was disposed of do not wait for this one.
    if (this.#child !== child && this.#child !== undefined) return
    this.#child = undefined
    for (const id of this.#waiting.keys()) this.#settle({ id, error: reason })
  }

  #settle(answer: SqliteAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('value' in answer) waiting?.resolve(answer.value)
    else waiting?.reject(new OperationalError(`the outbox in ${this.#file}: ${answer.error}`))
  }
}
