import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Celeriac } from '../../../src/index.ts'
import { createNotes, noteOf, openNotes } from '../../contracts/outbox-note.ts'
import { redisCommand, redisInfo } from '../../support/redis-command.ts'
import type { SoakPlace } from './app.ts'
import type { ProcessFigures } from './figures.ts'
import { trendOf, type Measure, type Trend } from './trend.ts'

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

export interface Sample {
  readonly atSeconds: number
  readonly made: number
  readonly open: number
  readonly waiting: number
  readonly values: Readonly<Record<string, number>>
}

export interface SoakReport {
  readonly made: number
  /** What came of calls other than it should, and how often. */
  readonly surprises: readonly (readonly [what: string, times: number])[]
  /** Of the samples after the warm-up. */
  readonly trends: readonly Trend[]
}

/** What is above these rises. A worker at 200 calls a second that leaks 10 bytes with each rises by 2 MB in 18 minutes. */
const processMeasures: readonly Measure[] = [
  { name: 'heap', unit: 'MB', allowed: 1.5 },
  { name: 'external', unit: 'MB', allowed: 1 },
  { name: 'RSS', unit: 'MB', allowed: 16, allowedShare: 0.05 },
  { name: 'handles', unit: '', allowed: 2 },
  { name: 'timers', unit: '', allowed: 10 },
  { name: 'descriptors', unit: '', allowed: 2 },
]
const measures: readonly Measure[] = [
  ...processMeasures.map((measure) => ({ ...measure, name: `worker ${measure.name}` })),
  { name: 'slots RSS', unit: 'MB', allowed: 16, allowedShare: 0.05 },
  // Each call that is open has timers.
  ...processMeasures.map((measure) => ({
    ...measure,
    name: `producer ${measure.name}`,
    ...(measure.name === 'timers' && { allowed: 50 }),
  })),
  { name: 'store size', unit: 'MB', allowed: 2, allowedShare: 0.1 },
  { name: 'store keys', unit: '', allowed: 500, allowedShare: 0.1 },
]

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

/** Its next message. Rejects if it ends. */
async function answerOf(child: ChildProcess): Promise<unknown> {
  const over = new AbortController()
  try {
    return await Promise.race([
      once(child, 'message', { signal: over.signal }).then(([message]) => message as unknown),
      once(child, 'exit', { signal: over.signal }).then(([code, signal]) =>
        Promise.reject(new Error(`${path.basename(child.spawnargs[1] ?? '')} ended: ${String(code ?? signal)}`)),
      ),
    ])
  } finally {
    over.abort()
  }
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

interface Measured {
  readonly worker: ChildProcess
  readonly producer: ChildProcess
  readonly app: Celeriac
  readonly redisUrl: string | undefined
  readonly file: string
}

type ProducerFigures = ProcessFigures & Pick<Sample, 'made' | 'open'>

async function takeSample(atSeconds: number, measured: Measured): Promise<Sample> {
  const { worker, producer, app, redisUrl, file } = measured
  const ask = (child: ChildProcess): Promise<unknown> => {
    child.send('figures')
    return answerOf(child)
  }
  const ofWorker = (await ask(worker)) as ProcessFigures
  const ofProducer = (await ask(producer)) as ProducerFigures
  const values = {
    ...named('worker', ofWorker),
    'slots RSS': megabytes(ofWorker.childrenRssBytes),
    ...named('producer', ofProducer),
    ...(redisUrl === undefined ? fileFigures(file) : await redisFigures(redisUrl)),
  }
  const waiting = await (await app.openBroker()).count('celery')
  return { atSeconds, made: ofProducer.made, open: ofProducer.open, waiting, values }
}

function named(who: string, figures: ProcessFigures): Record<string, number> {
  const { heapBytes, externalBytes, rssBytes, handles, timers, descriptors } = figures
  return {
    [`${who} heap`]: megabytes(heapBytes),
    [`${who} external`]: megabytes(externalBytes),
    [`${who} RSS`]: megabytes(rssBytes),
    [`${who} handles`]: handles,
    [`${who} timers`]: timers,
    [`${who} descriptors`]: descriptors,
  }
}

function megabytes(bytes: number): number {
  return bytes / 1024 ** 2
}

function fileFigures(file: string): Record<string, number> {
  const bytes = ['', '-wal'].reduce((sum, end) => sum + (statSync(file + end, { throwIfNoEntry: false })?.size ?? 0), 0)
  return { 'store size': megabytes(bytes), 'store keys': 0 }
}

async function redisFigures(url: string): Promise<Record<string, number>> {
  const bytes = Number(await redisInfo(url, 'memory', 'used_memory'))
  return { 'store size': megabytes(bytes), 'store keys': Number(await redisCommand(url, 'DBSIZE')) }
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
