import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { canvas } from './canvas/suite.ts'
import { embedded } from './embedded/suite.ts'
import { events } from './events/suite.ts'
import { installPeers } from './lib/install-peers.ts'
import { RedisServer } from './lib/redis-server.ts'
import type { Case, JudgedRow, Row, Run, Suite } from './lib/suite.ts'
import { formatTable } from './lib/table.ts'
import { models } from './models/suite.ts'
import { pools } from './pools/suite.ts'
import { redis } from './redis/suite.ts'

const suites: readonly Suite[] = [embedded, redis, models, pools, canvas, events]

/** Says all there is to say in its message. */
class UsageError extends Error {}

const usage = `Usage: npm run bench -- <suite> [options]

Suites:
${suites.map(({ name, description }) => `  ${name.padEnd(10)} ${description}`).join('\n')}

Options:
  --json            one JSON object instead of the table
  --rounds <n>      default 5; figures are medians over the rounds
  --only <text>     only the cases whose name holds it; may be repeated
  --size <factor>   on the number of tasks of each measurement, default 1
  --peers <names>   only these beside ours, with commas between; none: ours alone
  --profile <dir>   V8 CPU profiles of our own processes (see node bench/profile.ts)`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', multiple: true, default: [] },
    size: { type: 'string', default: '1' },
    peers: { type: 'string' },
    profile: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

function progress(text: string): void {
  process.stderr.write(`${text}\n`)
}

async function main(): Promise<number> {
  const [suiteName] = positionals
  if (suiteName === undefined || values.help) {
    console.log(usage)
    return 0
  }
  const suite = suites.find(({ name }) => name === suiteName)
  if (!suite) throw new UsageError(`there is no suite ${suiteName}; there are: ${namesOf(suites)}`)
  const cases = suite.cases.filter(({ name }) => isWanted(name))
  if (cases.length === 0)
    throw new UsageError(`no case of ${suite.name} fits --only; there are: ${namesOf(suite.cases)}`)
  const options = { rounds: Math.ceil(positive('rounds', values.rounds)), size: positive('size', values.size) }
  installPeers(progress)
  const rows = await runCases(cases, options, suite.needsRedis)
  console.log(values.json ? JSON.stringify({ suite: suite.name, rows: rows.map(plain) }) : `\n${formatTable(rows)}`)
  return 0
}

async function runCases(
  cases: readonly Case[],
  options: Pick<Run, 'rounds' | 'size'>,
  needsRedis: boolean,
): Promise<JudgedRow[]> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-bench-'))
  try {
    await using redis = needsRedis ? await RedisServer.start(folder) : undefined
    if (needsRedis && !redis)
      progress(
        'no redis-server on this machine: what needs it is left out (install it, or name it in BENCH_REDIS_SERVER)',
      )
    const run: Run = {
      ...options,
      redisPort: redis?.port,
      peers: values.peers === undefined ? undefined : new Set(values.peers.split(',')),
      profileFolder: values.profile === undefined ? undefined : path.resolve(values.profile),
      makeFolder: () => fs.mkdtemp(path.join(folder, 'run-')),
      progress,
    }
    const rows: JudgedRow[] = []
    const stopped = stopSignal()
    for (const one of cases) rows.push(...(await Promise.race([one.run(run), stopped])))
    return rows
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

/** Rejects on Ctrl-C and SIGTERM: the server is stopped and the files are deleted; children end with this process. */
function stopSignal(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'])
      process.once(signal, () => reject(new UsageError(`stopped by ${signal}`)))
  })
}

function isWanted(name: string): boolean {
  return values.only.length === 0 || values.only.some((text) => name.includes(text))
}

function positive(option: string, text: string): number {
  const number = Number(text)
  if (!(number > 0)) throw new UsageError(`--${option} must be a number above 0, got ${text}`)
  return number
}

function plain({ case: name, peer, ours, theirs, ratio, unit, limit }: JudgedRow): Row {
  const short = (value: number | null): number | null => (value === null ? null : Number(value.toPrecision(4)))
  return {
    case: name,
    peer,
    ours: Number(ours.toPrecision(4)),
    theirs: short(theirs),
    ratio: short(ratio),
    unit,
    limit: short(limit),
  }
}

function namesOf(named: readonly { readonly name: string }[]): string {
  return named.map(({ name }) => name).join('; ')
}

process.exit(
  await main().catch((error: unknown) => {
    if (!(error instanceof UsageError)) throw error
    progress(error.message)
    return 2
  }),
)
