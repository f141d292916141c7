import type { EventEmitter } from 'node:events'
import type { OpenSequelize } from './sequelize-types.ts'
import { fileFromUrl } from './sqlite-file.ts'

type ClientClass = new (...args: unknown[]) => EventEmitter

/**
 * Sequelize listens to errors of a connection of `pg` only some time after it was made. One that is killed in between
 * would end the process; with a listener the statement that comes next fails, and says so.
 */
export function surviveLostConnections({ connectionManager }: OpenSequelize): void {
  const { lib } = connectionManager
  const Client = lib?.Client
  if (!lib || typeof Client !== 'function') return
  class HeardClient extends (Client as ClientClass) {
    constructor(...args: unknown[]) {
      super(...args)
      this.on('error', () => undefined)
    }
  }
  connectionManager.lib = Object.create(lib, { Client: { value: HeardClient } }) as typeof lib
}

/** The SQLite file of a Sequelize, which takes the host for it where there is no other: `new Sequelize('sqlite:shop.db')`. */
export function fileOf({ options: { storage, host } }: OpenSequelize): string | undefined {
  return fileFromUrl(storage === undefined ? host : storage)
}
