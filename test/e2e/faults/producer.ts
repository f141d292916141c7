// Sends batch after batch. What was accepted is written down at once, for this process may be killed any time.
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { OperationalError } from '../../../src/index.ts'
import { app, note, place } from './app.ts'

const batch = 20
const life = `${process.pid}-${Date.now().toString(36)}`

async function call(n: number): Promise<void> {
  const id = `${life}-${n}`
  try {
    // Some are put back first.
    await note.applyAsync([id, n % 10], { ...(n % 10 === 0 && { countdown: 0.2 }), ignoreResult: true })
    appendFileSync(place.sent, `${id}\n`)
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error
    appendFileSync(place.sent, `refused ${id}: ${error.message}\n`)
  }
}

// Whoever started it is gone.
process.on('disconnect', () => process.exit())
for (let n = 0; n < place.count; n += batch) {
  await Promise.all(Array.from({ length: Math.min(batch, place.count - n) }, (_, index) => call(n + index)))
  if (n === 0) process.send?.('accepted')
  await sleep(10)
}
await app.close()
process.disconnect()
