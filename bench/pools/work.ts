import { nowMs } from '../roles/clock.ts'

export type PoolFlavour = 'async' | 'thread' | 'process'

/** Two small ints and a string of 200 bytes. */
export function argumentsOf(n: number): readonly [number, number, string] {
  return [n % 100, 4, 'x'.repeat(200)]
}

/** A task message as a producer writes it, under a fresh id. */
export function messageOf(n: number) {
  const id = crypto.randomUUID()
  return {
    headers: { lang: 'js', task: 'bench.add', id, root_id: id, retries: 0, timelimit: [null, null] },
    properties: { correlationId: id, deliveryMode: 2 },
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: JSON.stringify([argumentsOf(n), {}, { callbacks: null, errbacks: null, chain: null, chord: null }]),
  } as const
}

type Run = (n: number) => Promise<unknown>

/** Microseconds of one job, one after the other. */
export async function timeTrips(run: Run, count: number): Promise<number> {
  for (let n = 0; n < count; n++) await run(n)
  const startedAt = nowMs()
  for (let n = 0; n < count; n++) await run(n)
  return ((nowMs() - startedAt) / count) * 1000
}

/** Jobs a second, so many at once; `onWarm` is called between those that warm up and those that count. */
export async function timeFlood(
  run: Run,
  { count, inFlight }: { readonly count: number; readonly inFlight: number },
  onWarm?: () => void,
): Promise<number> {
  let next = 0
  const loop = async (until: number): Promise<void> => {
    while (next < until) await run(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, () => loop(count / 4)))
  next = 0
  onWarm?.()
  const startedAt = nowMs()
  await Promise.all(Array.from({ length: inFlight }, () => loop(count)))
  return count / ((nowMs() - startedAt) / 1000)
}
