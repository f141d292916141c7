// Calls at an even rate, and waits for what comes of it. Told to stop, it lets the last ones end.
import { setTimeout as sleep } from 'node:timers/promises'
import { place } from './app.ts'
import { closeCalls, makeOne } from './calls.ts'
import { answerWithFigures } from './figures.ts'

/** More that have not come to their end: the worker cannot keep up, and is given time. */
const mostOpen = place.callsPerSecond * 20
const turnMs = 50

let made = 0
let open = 0
const stopping = new AbortController()
/** Each kind once: they may be many. */
const surprises = new Map<string, number>()

process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => stopping.abort())
answerWithFigures(() => ({ made, open, surprises: [...surprises] }))

function makeSome(count: number): void {
  for (let n = 0; n < count && open < mostOpen; n++) {
    open++
    made++
    void makeOne(made)
      .catch((error: unknown) => {
        const text = (error as Error).message.slice(0, 500)
        if (surprises.size < 20 || surprises.has(text)) surprises.set(text, (surprises.get(text) ?? 0) + 1)
      })
      .finally(() => open--)
  }
}

process.send?.('ready')
let lastAt = performance.now()
let due = 0
while (!stopping.signal.aborted) {
  await sleep(turnMs)
  const now = performance.now()
  due = Math.min(due + ((now - lastAt) / 1000) * place.callsPerSecond, place.callsPerSecond)
  lastAt = now
  makeSome(Math.floor(due))
  due -= Math.floor(due)
}
while (open > 0) await sleep(turnMs)
process.send?.({ made, open, surprises: [...surprises] })
await closeCalls()
process.disconnect()
