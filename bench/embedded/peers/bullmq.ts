import { Queue, Worker, type JobsOptions } from 'bullmq'
import { Redis } from 'ioredis'
import type { Consumer, Payload, Peer, Producer, Store } from './peer.ts'

/** Without results, jobs are removed when they are done: faster than keeping them, and what we are asked to do too. */
export const bullmq: Peer = {
  async openProducer(store): Promise<Producer> {
    const connection = connectionOf(store)
    const redis = new Redis(connection)
    await redis.flushall()
    await redis.quit()
    const queue = new Queue('bench', { connection })
    await queue.waitUntilReady()
    const opts: JobsOptions = { removeOnComplete: !store.withResults }
    return {
      one: (payload) => queue.add('add', payload, opts),
      many: async (payloads) => void (await queue.addBulk(payloads.map((data) => ({ name: 'add', data, opts })))),
      close: () => queue.close(),
    }
  },

  async openConsumer(store, onTask, concurrency): Promise<Consumer> {
    const connection = connectionOf(store)
    const worker = new Worker<Payload, number>('bench', async ({ data }) => onTask(data), {
      connection,
      concurrency,
      autorun: false,
    })
    await worker.waitUntilReady()
    return {
      start: () => void worker.run(),
      close: () => worker.close(),
    }
  },
}

function connectionOf({ redisPort }: Store): { readonly host: string; readonly port: number } {
  if (redisPort === undefined) throw new Error('BullMQ needs a redis-server')
  return { host: '127.0.0.1', port: redisPort }
}
