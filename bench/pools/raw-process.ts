// A child that is only asked and answers, and the pools that we are compared with, in a process of their own.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import Tinypool from 'tinypool'
import { nowMs } from '../roles/clock.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { argumentsOf, messageOf, type PoolFlavour, timeFlood, timeTrips } from './work.ts'

export type RawPeer = 'raw' | 'piscina' | 'tinypool'

const { peer, flavour } = startArgument<{ readonly peer: RawPeer; readonly flavour: PoolFlavour }>()
const filename = fileURLToPath(new URL('peer-task.mjs', import.meta.url))
const rawChild = new URL('raw-child.mjs', import.meta.url)

interface Pool {
  run(n: number): Promise<unknown>
  close(): Promise<unknown>
}

const openers: Record<RawPeer, (size: number) => Pool> = {
  raw: openRaw,
  piscina: (size) => {
    const pool = new Piscina({ filename, minThreads: size, maxThreads: size })
    return { run: (n) => pool.run(argumentsOf(n)), close: () => pool.destroy() }
  },
  tinypool: (size) => {
    const runtime = flavour === 'thread' ? 'worker_threads' : 'child_process'
    const pool = new Tinypool({ filename, runtime, minThreads: size, maxThreads: size })
    return { run: (n) => pool.run(argumentsOf(n)), close: () => pool.destroy() }
  },
}

function openRaw(size: number): Pool {
  const waiting = new Map<number, () => void>()
  const onAnswer = ({ number }: { readonly number: number }): void => {
    waiting.get(number)?.()
    waiting.delete(number)
  }
  const children = Array.from({ length: size }, () => {
    if (flavour === 'thread') {
      const thread = new Worker(rawChild)
      thread.on('message', onAnswer)
      return { send: (job: object) => thread.postMessage(job), end: () => thread.terminate() }
    }
    const child = fork(rawChild, { serialization: 'advanced' })
    child.on('message', (answer) => onAnswer(answer as { number: number }))
    return { send: (job: object) => void child.send(job), end: () => Promise.resolve(child.disconnect()) }
  })
  let sent = 0
  return {
    run: (n) => {
      const number = ++sent
      const message = messageOf(n)
      return new Promise<void>((resolve) => {
        waiting.set(number, resolve)
        children[number % size]?.send({ number, message, queue: 'celery', deliveryCount: 1 })
      })
    },
    close: () => Promise.all(children.map((child) => child.end())),
  }
}

let pool: Pool | undefined
const run = (n: number): Promise<unknown> => (pool as Pool).run(n)

serve({
  async open({ size }: { readonly size: number }): Promise<void> {
    pool = openers[peer](size)
    await run(1)
  },
  trip: ({ count }: { readonly count: number }): Promise<number> => timeTrips(run, count),
  flood: (size: { readonly count: number; readonly inFlight: number }): Promise<number> => timeFlood(run, size),
  /** Milliseconds from the start of a child to its first answer. */
  async start(): Promise<number> {
    const startedAt = nowMs()
    const started = openers[peer](1)
    await started.run(1)
    const ms = nowMs() - startedAt
    await started.close()
    return ms
  },
  async close(): Promise<void> {
    await pool?.close()
  },
})
