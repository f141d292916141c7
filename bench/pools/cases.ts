import { pbkdf2Sync } from 'node:crypto'
import { Child } from '../lib/child.ts'
import { compare, type Contestant } from '../lib/compare.ts'
import type { Case, Run } from '../lib/suite.ts'
import type { RawPeer } from './raw-process.ts'
import type { PoolFlavour } from './work.ts'

const ourScript = new URL('./process.ts', import.meta.url)
const rawScript = new URL('./raw-process.ts', import.meta.url)
const inFlight = 100
const hashMs = 40

type Asked = 'trip' | 'flood' | 'start'

/** What one contestant answers, from a process that it has for itself. */
async function ask(
  run: Run,
  peer: 'celeriac' | RawPeer,
  flavour: PoolFlavour,
  asked: Asked,
  size: number,
): Promise<number> {
  const script = peer === 'celeriac' ? ourScript : rawScript
  await using child = await Child.start(peer, script, { peer, flavour })
  if (asked !== 'start') await child.call('open', { size })
  const count = Math.round((asked === 'trip' ? 8000 : 40_000) * run.size)
  const value = await child.call<number>(asked, { count, inFlight })
  await child.call('close')
  return value
}

function contestants(
  run: Run,
  flavour: PoolFlavour,
  asked: Asked,
  size: number,
  peers: readonly RawPeer[],
): Contestant<string>[] {
  const figure = names[asked](flavour)
  const one = (peer: 'celeriac' | RawPeer, role: Contestant<string>['role']): Contestant<string> => ({
    peer,
    role,
    measure: async () => ({ [figure]: await ask(run, peer, flavour, asked, size) }),
  })
  const wanted = peers.filter((peer) => run.peers === undefined || run.peers.has(peer) || peer === 'raw')
  return [one('celeriac', 'ours'), ...wanted.map((peer) => one(peer, 'peer'))]
}

const names = {
  trip: (flavour: PoolFlavour) => `no-op, ${flavour}, one at a time`,
  flood: (flavour: PoolFlavour) => `no-op, two of ${flavour}, ${inFlight} in flight`,
  start: (flavour: PoolFlavour) => `start of a warm ${flavour}`,
} as const satisfies Record<Asked, (flavour: PoolFlavour) => string>

/** Without a process runtime. */
const peersOf: Record<'thread' | 'process', readonly RawPeer[]> = {
  thread: ['piscina', 'tinypool', 'raw'],
  process: ['tinypool', 'raw'],
}

export function roundTrip(flavour: 'thread' | 'process', lessThanUs: number): Case {
  const name = names.trip(flavour)
  return {
    name,
    run: (run) =>
      compare(
        run,
        { [name]: { unit: 'µs', ratiosAtMost: { raw: 2 }, lessThan: lessThanUs } },
        contestants(run, flavour, 'trip', 1, peersOf[flavour]),
      ),
  }
}

export function throughput(flavour: 'thread' | 'process'): Case {
  const name = names.flood(flavour)
  return {
    name,
    run: (run) =>
      compare(run, { [name]: { unit: 'tasks/s' } }, contestants(run, flavour, 'flood', 2, peersOf[flavour])),
  }
}

export function start(flavour: 'thread' | 'process'): Case {
  const name = names.start(flavour)
  return {
    name,
    run: (run) =>
      compare(run, { [name]: { unit: 'ms', lessThan: 100 } }, contestants(run, flavour, 'start', 1, ['raw'])),
  }
}

/** Both pools of slots against the event loop, with the same two bodies at once. */
export function hashing(flavour: 'thread' | 'process'): Case {
  const name = `hashing of ${hashMs} ms, two of ${flavour}`
  return {
    name,
    async run(run) {
      const iterations = iterationsFor(hashMs)
      const measure = (measured: PoolFlavour) => async () => {
        await using child = await Child.start(measured, ourScript, { flavour: measured })
        const perSecond = await child.call<number>('hash', { count: Math.round(60 * run.size), iterations })
        await child.call('close')
        return { [name]: perSecond }
      }
      return compare(run, { [name]: { unit: 'tasks/s', ratios: { 'celeriac async': 1.8 } } }, [
        { peer: `celeriac ${flavour}`, role: 'ours', measure: measure(flavour) },
        { peer: 'celeriac async', role: 'peer', measure: measure('async') },
      ])
    },
  }
}

function iterationsFor(ms: number): number {
  const sample = 20_000
  const times = Array.from({ length: 5 }, () => {
    const startedAt = performance.now()
    pbkdf2Sync('password', 'salt', sample, 32, 'sha512')
    return performance.now() - startedAt
  })
  return Math.round((sample * ms) / Math.min(...times))
}
