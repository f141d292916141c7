import Queue from 'bee-queue'
import { redisUrl, type Consumer, type Payload, type Peer, type Producer, type Store } from './peer.ts'

/** Its fastest settings: no events but where a result is awaited. It keeps finished jobs, but never a result. */
export const beeQueue: Peer = {
  async openProducer(store): Promise<Producer> {
    const queue = await open(store, { isWorker: false, getEvents: store.awaitsResults === true, sendEvents: false })
    const results = new Results(queue)
    return {
      one: (payload) => queue.createJob(payload).save(),
      many: async (payloads) => void (await queue.saveAll(payloads.map((payload) => queue.createJob(payload)))),
      roundTrip: async (payload) => results.of((await queue.createJob(payload).save()).id),
      close: () => close(queue),
    }
  },

  async openConsumer(store, onTask, concurrency): Promise<Consumer> {
    const queue = await open(store, {
      getEvents: false,
      sendEvents: store.awaitsResults === true,
      removeOnSuccess: !store.withResults,
    })
    return {
      start: () => void queue.process<number>(concurrency, async ({ data }) => onTask(data)),
      async close() {
        const { waiting } = await queue.checkHealth()
        await close(queue)
        if (waiting > 0) throw new Error(`bee-queue left ${waiting} jobs in the queue`)
      },
    }
  },
}

/** A job may finish before `save` has said its id. */
class Results {
  readonly #early = new Map<string, unknown>()
  readonly #waiting = new Map<string, (value: unknown) => void>()

  constructor(queue: Queue<Payload>) {
    queue.on('job succeeded', (id, value) => {
      const resolve = this.#waiting.get(id)
      if (resolve) resolve(value)
      else this.#early.set(id, value)
      this.#waiting.delete(id)
    })
  }

  async of(id: string): Promise<unknown> {
    if (!this.#early.has(id)) return new Promise((resolve) => this.#waiting.set(id, resolve))
    const value = this.#early.get(id)
    this.#early.delete(id)
    return value
  }
}

function open(store: Store, settings: Queue.QueueSettings): Promise<Queue<Payload>> {
  const { hostname: host, port } = new URL(redisUrl(store))
  return new Queue<Payload>('bench', { redis: { host, port: Number(port) }, storeJobs: false, ...settings }).ready()
}

/** It answers with itself. */
async function close(queue: Queue<Payload>): Promise<void> {
  await queue.close()
}
