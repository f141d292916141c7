// npm run chaos: everything goes wrong at random, for as long as you like.
import { parseArgs } from 'node:util'
import { killAtRandom } from './e2e/faults/chaos.ts'
import type { Ledger } from './e2e/faults/ledger.ts'
import { faultPools, type FaultPool } from './e2e/faults/place.ts'
import { failAtRandom } from './e2e/faults/outages.ts'
import { openFaultSite } from './e2e/faults/site.ts'
import { privateServer, type PrivateServer } from './services.ts'
import { TcpProxy } from './support/tcp-proxy.ts'

const usage = `Usage: npm run chaos -- [--store sqlite|redis] [--pool async|threads|processes] [--outages] [--seconds <n>]

Kills workers, the processes of their slots and producers (SIGKILL) at random instants for the given time, default 60 s
on sqlite:, lets the last ones finish, and compares what was accepted with what ran. Exit code 1 if anything was lost.

  --pool      of all workers. Default: one after the other
  --outages   on Redis: nobody is killed, but connections are cut, refused and fall silent, the server is killed and
              stands still. Then exit code 1 also if anything ran more than once`

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    seconds: { type: 'string', default: '60' },
    pool: { type: 'string' },
    outages: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

async function startRedis(): Promise<PrivateServer> {
  const server = await privateServer('redis')
  if ('missing' in server) throw new Error(server.missing)
  return server
}

function report(what: string, ledger: Ledger): void {
  console.log(`${values.store}: ${what} in ${values.seconds} s: ${String(ledger)}`)
}

async function kill(seconds: number, pools: readonly FaultPool[]): Promise<boolean> {
  const store =
    values.store === 'redis' ? { url: (await startRedis()).url, transportOptions: { leaseSeconds: 2 } } : undefined
  await using site = await openFaultSite(store)
  const { kills, slotKills, ledger } = await killAtRandom(site, { seconds, pools })
  report(`${pools.join(', ')}: ${kills} processes and ${slotKills} slots killed`, ledger)
  return ledger.lost === 0
}

async function fail(seconds: number): Promise<boolean> {
  const redis = await startRedis()
  await using proxy = await TcpProxy.open(redis)
  const timeouts = { socketTimeout: 1, socketConnectTimeout: 1, healthCheckInterval: 0.5 }
  const transportOptions = { leaseSeconds: 12, ...timeouts }
  await using site = await openFaultSite({ url: proxy.through(redis.url), transportOptions })
  const { faults, ledger } = await failAtRandom(site, redis, proxy, seconds)
  report(`${faults} outages`, ledger)
  return ledger.lost === 0 && ledger.moreThanOnce === 0
}

async function main(): Promise<boolean> {
  const { store, outages, pool } = values
  const seconds = Number(values.seconds)
  if (store !== 'sqlite' && store !== 'redis') throw new Error(`--store: expected sqlite or redis, got ${store}`)
  if (outages && store !== 'redis') throw new Error('--outages: a file has none; use --store redis')
  if (!(seconds > 0)) throw new Error(`--seconds: expected a number above 0, got ${values.seconds}`)
  const pools = pool === undefined ? faultPools : faultPools.filter((each) => each === pool)
  if (pools.length === 0) throw new Error(`--pool: expected ${faultPools.join(' or ')}, got ${pool}`)
  if (outages && pool !== undefined) throw new Error('--outages: of connections; it has no --pool')
  return outages ? fail(seconds) : kill(seconds, pools)
}

try {
  if (values.help) console.log(usage)
  else process.exitCode = (await main()) ? 0 : 1
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
