import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { embedded } from './embedded/suite.ts'
import { installPeers } from './lib/install-peers.ts'
import { RedisServer } from './lib/redis-server.ts'
import type { JudgedRow, Row, Run, Suite } from './lib/suite.ts'
import { formatTable } from './lib/table.ts'

const suites: readonly Suite[] = [embedded]

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
  if (!suite) {
    progress(`there is no suite ${suiteName}; there are: ${suites.map(({ name }) => name).join(', ')}`)
    return 2
  }
  installPeers(progress)
  const rows = await runSuite(suite)
  if (rows.length === 0) {
    progress(`no case of ${suite.name} fits --only; there are: ${suite.cases.map(({ name }) => name).join('; ')}`)
    return 2
  }
  console.log(values.json ? JSON.stringify({ suite: suite.name, rows: rows.map(plain) }) : `\n${formatTable(rows)}`)
  return 0
}

async function runSuite(suite: Suite): Promise<JudgedRow[]> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-bench-'))
  try {
    await using redis = suite.needsRedis ? await RedisServer.start(folder) : undefined
    if (suite.needsRedis && !redis)
      progress('no redis-server on this machine: BullMQ is left out (install it, or name it in BENCH_REDIS_SERVER)')
    const run: Run = {
      rounds: positive('rounds', values.rounds),
      size: positive('size', values.size),
      redisPort: redis?.port,
      peers: values.peers === undefined ? undefined : new Set(values.peers.split(',')),
      profileFolder: values.profile === undefined ? undefined : path.resolve(values.profile),
      makeFolder: () => fs.mkdtemp(path.join(folder, 'run-')),
      progress,
    }
    const rows: JudgedRow[] = []
    for (const one of suite.cases) if (isWanted(one.name)) rows.push(...(await one.run(run)))
    return rows
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

function isWanted(name: string): boolean {
  return values.only.length === 0 || values.only.some((text) => name.includes(text))
}

function positive(option: string, text: string): number {
  const number = Number(text)
  if (!(number > 0)) throw new RangeError(`--${option} must be a number above 0, got ${text}`)
  return number
}

function plain({ target: _, isMet: __, ...row }: JudgedRow): Row {
  return row
}

process.exitCode = await main()
