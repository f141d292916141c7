// npm run soak: all that tasks do, for long, and nothing may grow.
import { parseArgs } from 'node:util'
import type { Sample } from './e2e/soak/samples.ts'
import { soak, type SoakReport } from './e2e/soak/soak.ts'
import type { Trend } from './e2e/soak/trend.ts'
import { privateServer } from './services.ts'

const usage = `Usage: npm run soak -- [--store sqlite|redis] [--pool async|threads|processes] [--minutes <n>]
                     [--rate <calls a second>] [--concurrency <n>]

One worker and one producer for the given time (default: sqlite, async, 30 minutes, 200 calls a second): results waited
for, given up, forgotten and expiring; failures, retries, ETAs, revokes, time limits, rows as arguments, chains, chords.

Takes 60 samples: heap after garbage collection, memory of the processes, handles, timers, descriptors, size of the
store. The first 40 % are the warm-up. Of the others the rise is judged: the median of the slopes between all pairs of
samples, times their length. Exit code 1 if one rises by more than is allowed, or a call ended otherwise than it should.`

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    pool: { type: 'string', default: 'async' },
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '200' },
    concurrency: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

const shown = ['worker heap', 'worker RSS', 'worker handles', 'worker timers', 'worker descriptors', 'slots RSS']
const alsoShown = ['producer heap', 'producer RSS', 'store size', 'store keys']
const columns = ['s', 'calls', 'open', 'waiting', ...shown, ...alsoShown]

function writeSample({ atSeconds, made, open, waiting, values: figures }: Sample): void {
  const numbers = [atSeconds, made, open, waiting].map((figure) => figure.toFixed(0))
  const rest = columns.slice(4).map((name) => (figures[name] ?? 0).toFixed(/heap|RSS|size/.test(name) ? 1 : 0))
  console.log([...numbers, ...rest].map((text, index) => text.padStart(columns[index]?.length ?? 0)).join('  '))
}

function writeTrend({ measure, first, last, rise, allowed, isLevel }: Trend): void {
  const text = (figure: number): string => `${figure.toFixed(measure.unit === 'MB' ? 2 : 0)} ${measure.unit}`.trim()
  const verdict = isLevel ? 'level' : 'RISES'
  console.log(
    `${measure.name.padEnd(22)} ${text(first)} at first, ${text(last)} at last; rise ${text(rise)}, allowed ${text(allowed)}: ${verdict}`,
  )
}

function writeReport({ made, surprises, trends }: SoakReport): void {
  console.log(`\n${values.store}, ${values.pool}: ${made} calls in ${values.minutes} minutes`)
  for (const trend of trends) writeTrend(trend)
  for (const [what, times] of surprises) console.log(`${times} x ${what}`)
}

function positive(name: string, text: string): number {
  const number = Number(text)
  if (!(number > 0)) throw new Error(`--${name}: expected a number above 0, got ${text}`)
  return number
}

async function redisUrl(): Promise<string> {
  const server = await privateServer('redis')
  if ('missing' in server) throw new Error(server.missing)
  return server.url
}

async function main(): Promise<boolean> {
  const { store, pool } = values
  if (store !== 'sqlite' && store !== 'redis') throw new Error(`--store: expected sqlite or redis, got ${store}`)
  if (pool !== 'async' && pool !== 'threads' && pool !== 'processes')
    throw new Error(`--pool: expected async, threads or processes, got ${pool}`)
  console.log(columns.join('  '))
  const report = await soak({
    seconds: positive('minutes', values.minutes) * 60,
    pool,
    concurrency: positive('concurrency', values.concurrency ?? (pool === 'async' ? '20' : '4')),
    callsPerSecond: positive('rate', values.rate),
    redisUrl: store === 'redis' ? await redisUrl() : undefined,
    onSample: writeSample,
  })
  writeReport(report)
  return report.surprises.length === 0 && report.trends.every(({ isLevel }) => isLevel)
}

try {
  if (values.help) console.log(usage)
  else process.exitCode = (await main()) ? 0 : 1
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
