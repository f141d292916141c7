import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import path from 'node:path'
import type { Celeriac } from '../../../src/index.ts'
import { redisCommand, redisInfo } from '../../support/redis-command.ts'
import type { ProcessFigures } from './figures.ts'
import type { Measure } from './trend.ts'

export interface Sample {
  readonly atSeconds: number
  readonly made: number
  readonly open: number
  readonly waiting: number
  readonly values: Readonly<Record<string, number>>
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
export const measures: readonly Measure[] = [
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

/** What a sample is taken of. */
export interface Measured {
  readonly worker: ChildProcess
  readonly producer: ChildProcess
  readonly app: Celeriac
  readonly redisUrl: string | undefined
  readonly file: string
}

type ProducerFigures = ProcessFigures & Pick<Sample, 'made' | 'open'>

export async function takeSample(atSeconds: number, measured: Measured): Promise<Sample> {
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

/** Its next message. Rejects if it ends. */
export async function answerOf(child: ChildProcess): Promise<unknown> {
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
