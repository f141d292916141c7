import { Queue, QueueEvents, Worker, type JobsOptions } from 'bullmq'
import { redisUrl, type Consumer, type Payload, type Peer, type Producer, type Store } from './peer.ts'

/** Without results, jobs are removed when they are done: faster than keeping them, and what we are asked to do too. */
export const bullmq: Peer = {
  async openProducer(store): Promise<Producer> {
    const connection = connectionOf(store)
    const queue = new Queue('bench', { connection })
    queue.setMaxListeners(0)
    await queue.waitUntilReady()
    const events = store.awaitsResults ? await openEvents(store) : undefined
    const opts: JobsOptions = { removeOnComplete: !store.withResults }
    return {
      one: (payload) => queue.add('add', payload, opts),
      many: async (payloads) => void (await queue.addBulk(payloads.map((data) => ({ name: 'add', data, opts })))),
      async roundTrip(payload) {
        if (!events) throw new Error('the store does not say that results are awaited')
        const job = await queue.add('add', payload, opts)
        return job.waitUntilFinished(events)
      },
      async close() {
        await events?.close()
        await queue.close()
      },
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

async function openEvents(store: Store): Promise<QueueEvents> {
  const events = new QueueEvents('bench', { connection: connectionOf(store) })
  events.setMaxListeners(0)
  await events.waitUntilReady()
  return events
}

function connectionOf(store: Store): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(redisUrl(store))
  return { host: hostname, port: Number(port) }
}
