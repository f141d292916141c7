import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Celeriac } from '../../../src/index.ts'
import { createNotes, noteOf, openNotes } from '../../contracts/outbox-note.ts'
import type { SoakPlace } from './app.ts'
import { answerOf, measures, takeSample, type Sample } from './samples.ts'
import { trendOf, type Trend } from './trend.ts'

export interface SoakOptions {
  readonly seconds: number
  readonly pool: SoakPlace['pool']
  readonly concurrency: number
  readonly callsPerSecond: number
  /** A Redis of its own; undefined: a SQLite file. */
  readonly redisUrl?: string | undefined
  /** Default 60, evenly spread. */
  readonly samples?: number
  readonly onSample?: (sample: Sample) => void
}

export interface SoakReport {
  readonly made: number
  /** What came of calls other than it should, and how often. */
  readonly surprises: readonly (readonly [what: string, times: number])[]
  /** Of the samples after the warm-up. */
  readonly trends: readonly Trend[]
}

/** Samples before this share of the time do not count: code is compiled, and the first results have not expired. */
const warmUpShare = 0.4

/** One worker and one producer for some time on one store. Their children and files are gone when it is over. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { seconds, pool, concurrency, callsPerSecond, redisUrl, samples: count = 60, onSample } = options
  const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-soak-'))
  const file = path.join(folder, 'queue.db')
  const place: SoakPlace = {
    url: redisUrl ?? `sqlite:${file}`,
    notes: path.join(folder, 'notes.db'),
    pool,
    concurrency,
    callsPerSecond,
  }
  const children: ChildProcess[] = []
  const app = new Celeriac('soak', { broker: place.url, backend: place.url })
  try {
    await writeNotes(place.notes)
    const worker = await start('worker', place, children)
    const producer = await start('producer', place, children)
    const samples = await sampleFor(seconds, count, async (atSeconds) => {
      const sample = await takeSample(atSeconds, { worker, producer, app, redisUrl, file })
      onSample?.(sample)
      return sample
    })
    const { made, surprises } = await lastWords(producer)
    await end(worker)
    const counted = samples.slice(Math.ceil(samples.length * warmUpShare))
    const trends = measures.map((measure) =>
      trendOf(
        measure,
        counted.map(({ values }) => values[measure.name] ?? 0),
      ),
    )
    return { made, surprises, trends }
  } finally {
    for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await app.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function writeNotes(file: string): Promise<void> {
  const { noteCount } = await import('./note-count.ts')
  const source = await openNotes('sqlite', file)
  await createNotes(source)
  for (let n = 0; n < noteCount; n++) await source.manager.save(noteOf(`note ${n}`))
  await source.destroy()
}

/** V8 doubles it, for good, where much is made at once: three times so many MB, which would look like a leak. */
const youngGeneration = ['--min-semi-space-size=16', '--max-semi-space-size=16']

async function start(role: 'worker' | 'producer', place: SoakPlace, children: ChildProcess[]): Promise<ChildProcess> {
  const env = { ...process.env, SOAK_PLACE: JSON.stringify(place), NODE_TEST_CONTEXT: '' }
  const child = fork(path.join(import.meta.dirname, `${role}.ts`), {
    env,
    execArgv: youngGeneration,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  children.push(child)
  await answerOf(child)
  return child
}

async function sampleFor(
  seconds: number,
  count: number,
  take: (atSeconds: number) => Promise<Sample>,
): Promise<Sample[]> {
  const samples: Sample[] = []
  const startedAt = performance.now()
  for (let n = 1; n <= count; n++) {
    const dueAt = startedAt + (n * seconds * 1000) / count
    await sleep(Math.max(0, dueAt - performance.now()))
    samples.push(await take((performance.now() - startedAt) / 1000))
  }
  return samples
}

/** Has it stop, and waits until what it called came to its end. */
async function lastWords(producer: ChildProcess): Promise<Pick<SoakReport, 'made' | 'surprises'>> {
  producer.kill('SIGTERM')
  return (await answerOf(producer)) as Pick<SoakReport, 'made' | 'surprises'>
}

async function end(worker: ChildProcess): Promise<void> {
  const exited = once(worker, 'exit')
  worker.kill('SIGTERM')
  const [code] = (await exited) as [number | null]
  if (code !== 0) throw new Error(`the worker ended with code ${String(code)}`)
}
