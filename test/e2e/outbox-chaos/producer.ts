// Half of the transactions roll back, a third have one nested in them, which may be rolled back alone. What a row is called
// says whether it may be there in the end: `…:kept` or `…:lost`.
import { appendFileSync, readFileSync } from 'node:fs'
import type { EntityManager } from 'typeorm'
import { noteOf } from '../../contracts/outbox-note.ts'
import { place, remember, source } from './app.ts'

/** SQLite has one connection, whose transactions do not mix. */
const lanes = place.dialect === 'sqlite' ? 1 : 3
/** Transactions that a killed producer did not write down as done are made again: their rows need other names. */
const life = crypto.randomUUID()
const rollBack = new Error('rolled back on purpose')

const done = new Set(readFileSync(place.progress, 'utf8').split('\n').filter(Boolean).map(Number))
const left = Array.from({ length: place.transactions }, (_, n) => n).filter((n) => !done.has(n))
await Promise.all(Array.from({ length: lanes }, work))

async function work(): Promise<void> {
  for (let n = left.shift(); n !== undefined; n = left.shift()) {
    await orRolledBack(transaction(n))
    appendFileSync(place.progress, `${n}\n`)
  }
}

async function transaction(n: number): Promise<void> {
  const isKept = n % 2 === 0
  const isNested = n % 3 === 0
  const isInnerKept = n % 4 === 0
  await source.transaction(async (manager) => {
    await write(manager, `${n} outer ${life}:${isKept ? 'kept' : 'lost'}`)
    if (isNested) {
      const inner = manager.transaction(async (nested) => {
        await write(nested, `${n} inner ${life}:${isKept && isInnerKept ? 'kept' : 'lost'}`)
        if (!isInnerKept) throw rollBack
      })
      await orRolledBack(inner)
    }
    if (!isKept) throw rollBack
  })
}

async function write(manager: EntityManager, text: string): Promise<void> {
  const note = await manager.save(noteOf(text))
  await remember.delay(note)
}

async function orRolledBack(transacted: Promise<void>): Promise<void> {
  try {
    await transacted
  } catch (error) {
    if (error !== rollBack) throw error
  }
}
process.exit()
