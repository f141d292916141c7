import fs from 'node:fs/promises'
import nodePath from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { OperationalError } from '../errors.ts'
import { makeFolder } from '../util/make-folder.ts'
import { explainSqliteError, isBusy, lockedTooLong } from './sqlite-errors.ts'

/** `CELR`: the mark by which a file is known as celeriac's own. */
const applicationId = 0x43454c52
/** The layout of the file as a whole; the tables of each component have versions of their own. */
const formatVersion = 1

/** Absolute, with links resolved; creates the folder. */
export async function resolveSqlitePath(path: string): Promise<string> {
  const absolute = nodePath.resolve(path)
  try {
    await makeFolder(nodePath.dirname(absolute))
    const folder = await fs.realpath(nodePath.dirname(absolute))
    const file = nodePath.join(folder, nodePath.basename(absolute))
    return await fs.realpath(file).catch(() => file)
  } catch (error) {
    throw explainSqliteError(error, absolute)
  }
}

/** Opens the file and makes it celeriac's own if it is new. Refuses a file of others without touching it. */
export async function openConnection(path: string, synchronous: string, deadlineMs: number): Promise<DatabaseSync> {
  const { DatabaseSync: Database } = process.getBuiltinModule('node:sqlite')
  let database: DatabaseSync | undefined
  try {
    // Waiting inside SQLite would block the event loop: every wait is ours.
    const opened = (database = new Database(path, { timeout: 0 }))
    await patiently(path, deadlineMs, () => prepareFile(opened, path, synchronous))
    return opened
  } catch (error) {
    database?.close()
    throw explainSqliteError(error, path)
  }
}

/** Tries `work` until the file is not locked, at most for the deadline. */
export async function patiently<T>(path: string, deadlineMs: number, work: () => T): Promise<T> {
  const startedAtMs = performance.now()
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error)) throw explainSqliteError(error, path)
      if (performance.now() - startedAtMs > deadlineMs) throw lockedTooLong(path, deadlineMs, error)
    }
    await pause(1 + Math.random() * 4)
  }
}

function prepareFile(database: DatabaseSync, path: string, synchronous: string): void {
  const isNew = identify(database, path)
  database.exec('PRAGMA journal_mode = WAL')
  database.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA cache_size = -16000; PRAGMA journal_size_limit = 67108864`)
  if (!isNew) return
  database.exec('BEGIN IMMEDIATE')
  try {
    if (identify(database, path)) {
      database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${formatVersion}`)
      database.exec('CREATE TABLE celeriac_schema (component TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID')
    }
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** True for an empty file. Throws for one that is not ours to use. */
function identify(database: DatabaseSync, path: string): boolean {
  const id = pragma(database, 'application_id')
  const format = pragma(database, 'user_version')
  if (id === applicationId) {
    if (format <= formatVersion) return false
    throw new OperationalError(
      `SQLite file ${path}: written by a newer release of celeriac (format ${format}, known here: ${formatVersion}). Update celeriac, or name another file`,
    )
  }
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' LIMIT 3").all()
  if (tables.length === 0 && id === 0) return true
  const names = tables.map((row) => String(row['name'])).join(', ')
  throw new OperationalError(
    `SQLite file ${path}: belongs to another application (tables: ${names || 'none'}; application_id ${id}). Give celeriac a file of its own`,
  )
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
}
