// npm run chaos: workers and producers are killed at random, for as long as you like.
import { parseArgs } from 'node:util'
import { killAtRandom } from './e2e/faults/chaos.ts'
import { openFaultSite, type FaultStore } from './e2e/faults/site.ts'
import { privateServer } from './services.ts'

const usage = `Usage: npm run chaos -- [--store sqlite|redis] [--seconds <n>]

Kills workers and producers (SIGKILL) at random instants for the given time, default 60 s on sqlite:, lets the last ones
finish, and compares what was accepted with what ran. Exit code 1 if anything was lost.`

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    seconds: { type: 'string', default: '60' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

async function storeNamed(name: string): Promise<FaultStore | undefined> {
  if (name === 'sqlite') return undefined
  if (name !== 'redis') throw new Error(`--store: expected sqlite or redis, got ${name}`)
  const server = await privateServer('redis')
  if ('missing' in server) throw new Error(server.missing)
  return { url: server.url, transportOptions: { leaseSeconds: 2 } }
}

async function main(): Promise<number> {
  const seconds = Number(values.seconds)
  if (!(seconds > 0)) throw new Error(`--seconds: expected a number above 0, got ${values.seconds}`)
  await using site = await openFaultSite(await storeNamed(values.store))
  const { kills, ledger } = await killAtRandom(site, { seconds })
  console.log(`${values.store}: ${kills} killed in ${seconds} s: ${String(ledger)}`)
  return ledger.lost === 0 ? 0 : 1
}

try {
  if (values.help) console.log(usage)
  else process.exitCode = await main()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
