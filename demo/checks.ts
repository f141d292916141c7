import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { DataSource } from 'typeorm'
import { kmBetween } from './distance.ts'
import { capitalsOf, placeOf, type SourceCity } from './load-cities.ts'
import type { ProducerMessage } from './messages.ts'
import { Country, rowsFile } from './rows.ts'
import { brokerFile } from './tasks.ts'

/** One claim of the demo, and whether it held. */
export interface Check {
  readonly claim: string
  readonly holds: boolean
  readonly detail: string
}

type Called = Extract<ProducerMessage, { kind: 'called' }>

/** Searches the bytes of the broker's file while every call is still in it. */
export async function checkStoredBytes(
  folder: string,
  called: Called,
  source: readonly SourceCity[],
): Promise<Check[]> {
  const [stored, rows] = await Promise.all([readDatabase(folder, brokerFile), readDatabase(folder, rowsFile)])
  const keys = new Set(
    Array.from(stored.matchAll(/"__type__":"model","__value__":\["demo\.City",(\d+)/g), ([, key]) => key),
  )
  const referenced = source.filter(({ cityId }) => keys.has(String(cityId))).length
  const texts = new Set(Array.from(stored.matchAll(/"([^"]{1,200})"/g), ([, text]) => text))
  const named = source.filter(({ name }) => texts.has(name))
  const notes = [rows, stored].map((text) => text.split(called.note).length - 1)
  const lost = called.rolledBack.filter((id) => stored.includes(id))
  return [
    {
      claim: 'nothing left before the COMMIT, everything after it',
      holds: called.waitingBeforeCommit === 0 && called.waiting === called.calls,
      detail: `${called.waitingBeforeCommit} messages waited before it, ${called.waiting} after, of ${called.calls} calls`,
    },
    {
      claim: 'the payload holds label and key of a row, and no column',
      holds: referenced > source.length * 0.99 && named.length === 0 && notes[0] !== 0 && notes[1] === 0,
      detail:
        `in ${stored.length} stored bytes: the keys of ${referenced} cities, the names of ${named.length}` +
        `${named[0] ? ` ('${named[0].name}')` : ''}, ${notes[1]} of ${notes[0]} private notes`,
    },
    {
      claim: 'a transaction that was rolled back sent nothing',
      holds: called.rolledBack.length > 0 && lost.length === 0 && called.waitingAfterRollback === 0,
      detail: `${called.rolledBack.length} call, ${called.waitingAfterRollback} messages waiting, ${lost.length} task ids in the file`,
    },
  ]
}

/** The file and what is not merged into it yet. */
async function readDatabase(folder: string, name: string): Promise<string> {
  const files = [name, `${name}-wal`].map((file) => readFile(path.join(folder, file)))
  return Buffer.concat(await Promise.all(files)).toString('utf8')
}

/** Computes everything again from the package's own data and compares it with what the tasks wrote. */
export async function checkTruth(rows: DataSource, source: readonly SourceCity[]): Promise<Check> {
  const capitals = new Map(capitalsOf(source).map((city) => [city.country, placeOf(city)] as const))
  const truth = new Map<string, number>()
  for (const city of source) {
    const capital = capitals.get(city.country)
    if (!capital) continue
    truth.set(city.country, Math.max(truth.get(city.country) ?? 0, kmBetween(capital, placeOf(city))))
  }
  const countries = await rows.manager.find(Country)
  const right = countries.filter(
    ({ code, farthestKm }) => Math.abs((truth.get(code) ?? -1) - (farthestKm ?? -2)) < 1e-6,
  )
  return {
    claim: 'the farthest city of every country is the true one',
    holds: right.length === truth.size && countries.length === truth.size,
    detail: `${right.length} of ${truth.size} countries, computed again from the source`,
  }
}
