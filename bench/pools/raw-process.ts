// A child that is only asked and answers, and the pools that we are compared with, in a process of their own.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import Tinypool from 'tinypool'
import { nowMs } from '../roles/clock.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { argumentsOf, type PoolFlavour } from './work.ts'

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
      const id = crypto.randomUUID()
      const message = {
        headers: { lang: 'js', task: 'bench.add', id, root_id: id, retries: 0, timelimit: [null, null] },
        properties: { correlationId: id, deliveryMode: 2 },
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        body: JSON.stringify([argumentsOf(n), {}, { callbacks: null, errbacks: null, chain: null, chord: null }]),
      }
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
  async trip({ count }: { readonly count: number }): Promise<number> {
    for (let n = 0; n < count; n++) await run(n)
    const startedAt = nowMs()
    for (let n = 0; n < count; n++) await run(n)
    return ((nowMs() - startedAt) / count) * 1000
  },
  async flood({ count, inFlight }: { readonly count: number; readonly inFlight: number }): Promise<number> {
    let next = 0
    const loop = async (until: number): Promise<void> => {
      while (next < until) await run(next++)
    }
    await Promise.all(Array.from({ length: inFlight }, () => loop(count / 4)))
    next = 0
    const startedAt = nowMs()
    await Promise.all(Array.from({ length: inFlight }, () => loop(count)))
    return count / ((nowMs() - startedAt) / 1000)
  },
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
