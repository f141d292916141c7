import path from 'node:path'
import Database from 'better-sqlite3'
import { better, defineQueue, defineWorker, JobStatus, type Queue } from 'plainjob'
import type { Consumer, Payload, Peer, Producer, Store } from './peer.ts'

const silent = { error() {}, warn() {}, info() {}, debug() {} }

/** One loop: its calls to SQLite are synchronous, so that more of them only take turns. It has no results. */
export const plainjob: Peer = {
  async openProducer(store): Promise<Producer> {
    const queue = openQueue(store)
    return {
      one: (payload) => void queue.add('add', payload),
      many: (payloads) => void queue.addMany('add', [...payloads]),
      close: () => queue.close(),
    }
  },

  async openConsumer(store, onTask): Promise<Consumer> {
    const queue = openQueue(store)
    const handle = (job: { readonly data: string }): void => void onTask(JSON.parse(job.data) as Payload)
    const worker = defineWorker('add', handle, { queue, logger: silent, pollIntervall: 2 })
    return {
      start: () => void worker.start(),
      async close() {
        await worker.stop()
        const left = queue.countJobs({ status: JobStatus.Pending })
        queue.close()
        if (left > 0) throw new Error(`plainjob left ${left} jobs in the queue`)
      },
    }
  },
}

function openQueue({ folder }: Store): Queue {
  const connection = better(new Database(path.join(folder, 'plainjob.db')))
  return defineQueue({ connection, logger: silent })
}
