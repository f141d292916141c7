import { parentPort, workerData } from 'node:worker_threads'
import { openRedis, type Redis } from '../drivers/open-redis.ts'
import type { LeaseReport } from './lease-thread.ts'
import {
  type HeartThreadData,
  longestPauseMs,
  lookedAt,
  lookEveryMs,
  renewedAt,
  steadyMs,
  stoodStillUntil,
} from './redis-heart.ts'
import { RedisNames } from './redis-names.ts'
import { renewLease } from './redis-renewal.ts'

const { url, options, signs, consumerId } = workerData as HeartThreadData
const { leaseMs, visibilityTimeoutMs } = options
/** kombu's restore looks at these times: they need not be newer than a fraction of its timeout. */
const showEveryMs = Math.min(visibilityTimeoutMs / 4, 300_000)
const renewEveryMs = Math.min(leaseMs / 3, showEveryMs)

let consumer: string | undefined = consumerId
let redis: Redis | undefined
let renewAtMs = 0
let showAtMs = 0
let isBusy = false
let isReady = false

function look(): void {
  const nowMs = steadyMs()
  if (nowMs - Atomics.load(signs, lookedAt) > longestPauseMs(leaseMs)) Atomics.store(signs, stoodStillUntil, nowMs)
  Atomics.store(signs, lookedAt, nowMs)
  if (!isBusy && Number(nowMs) >= renewAtMs) {
    isBusy = true
    void renew().finally(() => {
      isBusy = false
      tellReady()
    })
  }
}

async function renew(): Promise<void> {
  const renewing = consumer
  if (renewing === undefined) return
  const nowMs = Number(steadyMs())
  const shows = nowMs >= showAtMs
  try {
    redis ??= await openRedis(url, options)
    const isKept = await renewLease(redis, new RedisNames(options), renewing, leaseMs, shows)
    renewAtMs = nowMs + renewEveryMs
    if (shows) showAtMs = nowMs + showEveryMs
    if (consumer !== renewing) return
    // As of when it was sent: this thread may have stood still before it read the reply.
    if (isKept) Atomics.store(signs, renewedAt, BigInt(nowMs))
    else lose(renewing)
  } catch {
    // The server is away: the event loop meets the same error and tells it. Try again with the next look.
  }
}

function lose(lost: string): void {
  consumer = undefined
  report({ kind: 'lost', id: lost })
}

/** After the first renewal: what it needed is loaded. Until then the event loop renews. */
function tellReady(): void {
  if (isReady) return
  isReady = true
  report({ kind: 'ready' })
}

function report(message: LeaseReport<string>): void {
  parentPort?.postMessage(message)
}

parentPort?.on('message', (kept: string) => {
  consumer = kept
  renewAtMs = 0
})
setInterval(look, Math.min(lookEveryMs(leaseMs), renewEveryMs / 2))
look()
