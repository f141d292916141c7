import { randomUUID } from 'node:crypto'
import { createClient } from '@redis/client'
import { decodeEnvelope, encodeEnvelope, queue } from './celery-envelope.ts'
import { redisUrl, type Consumer, type OnTask, type Peer, type Producer, type Store } from './peer.ts'
import { store as storeResults, take, type Script } from './raw-redis-scripts.ts'
import { TurnBatch } from './turn-batch.ts'

/** Messages of one take; the next one acknowledges them. */
const batchSize = 200
const keepResultsS = '86400'
const resultPrefix = 'celery-task-meta-'

type Client = ReturnType<typeof makeClient>

/**
 * About the least that a queue of Celery's messages on Redis can do: kombu's keys, batches, and a message stays recorded
 * until its handler has returned. No leases, deferral, retries, routing, signals.
 */
export const rawRedis: Peer = {
  async openProducer(store): Promise<Producer> {
    const client = await connect(store)
    const messages = new TurnBatch<string>((texts) => client.sendCommand(['LPUSH', queue, ...texts]))
    const results = store.awaitsResults ? new Results(await connect(store)) : undefined
    return {
      one: (payload) => messages.add(encodeEnvelope(payload, randomUUID())),
      async many(payloads) {
        const ids = payloads.map(() => randomUUID())
        const texts = payloads.map((payload, index) => encodeEnvelope(payload, ids[index] as string))
        await client.sendCommand(['LPUSH', queue, ...texts])
        return ids
      },
      async roundTrip(payload) {
        if (!results) throw new Error('the store does not say that results are awaited')
        const id = randomUUID()
        const result = await results.expect(id)
        await messages.add(encodeEnvelope(payload, id))
        return result.arrived
      },
      close() {
        client.destroy()
        results?.close()
      },
    }
  },

  async openConsumer(store, onTask): Promise<Consumer> {
    const loop = new Loop(await connect(store), await connect(store), onTask, store.withResults)
    return {
      start: () => void loop.run(),
      close: (checkedIds) => loop.close(checkedIds),
    }
  },
}

/** Results as Celery's Redis backend announces them: a channel for each. */
class Results {
  readonly #client: Client
  readonly #subscribe: TurnBatch<string>
  readonly #unsubscribe: TurnBatch<string>
  readonly #waiting = new Map<string, (meta: unknown) => void>()

  constructor(client: Client) {
    this.#client = client
    this.#subscribe = new TurnBatch((channels) => client.subscribe([...channels], this.#onMessage))
    this.#unsubscribe = new TurnBatch((channels) => client.unsubscribe([...channels], this.#onMessage))
  }

  /** Resolves when the channel is listened to. */
  async expect(id: string): Promise<{ readonly arrived: Promise<unknown> }> {
    const channel = resultPrefix + id
    const arrived = new Promise((resolve) => this.#waiting.set(channel, resolve))
    await this.#subscribe.add(channel)
    return { arrived }
  }

  close(): void {
    this.#client.destroy()
  }

  readonly #onMessage = (text: string, channel: string): void => {
    this.#waiting.get(channel)?.((JSON.parse(text) as { readonly result: unknown }).result)
    this.#waiting.delete(channel)
    this.#unsubscribe.add(channel).catch(ignoreClosed)
  }
}

class Loop {
  readonly #client: Client
  readonly #blocking: Client
  readonly #onTask: OnTask
  readonly #withResults: boolean
  readonly #inbox: string = `${queue}:inbox:${process.pid}`
  #isStopping = false
  #lastTag = 0
  #stopped: Promise<void> | undefined

  constructor(client: Client, blocking: Client, onTask: OnTask, withResults: boolean) {
    this.#client = client
    this.#blocking = blocking
    this.#onTask = onTask
    this.#withResults = withResults
  }

  run(): Promise<void> {
    return (this.#stopped = this.#run())
  }

  async close(checkedIds: readonly string[]): Promise<void> {
    this.#isStopping = true
    this.#blocking.destroy()
    await this.#stopped
    const kept = checkedIds.map((id) => resultPrefix + id)
    const left = Number(await this.#client.sendCommand(['LLEN', queue]))
    const results = kept.length > 0 ? Number(await this.#client.sendCommand(['EXISTS', ...kept])) : 0
    this.#client.destroy()
    if (left > 0) throw new Error(`the raw loop left ${left} messages in the queue`)
    if (results < kept.length) throw new Error(`the raw loop lost ${kept.length - results} results`)
  }

  async #run(): Promise<void> {
    let finished: readonly string[] = []
    let next = this.#take(batchSize, finished)
    while (!this.#isStopping) {
      const { texts, firstTag } = await next
      if (texts.length > 0) {
        // Overlaps with the handlers below.
        next = texts.length === batchSize ? this.#take(batchSize, finished) : this.#take(0, finished)
        // The client writes at the end of the turn.
        await new Promise((resolve) => setImmediate(resolve))
        await this.#work(texts)
        finished = texts.map((_, index) => String(firstTag + index))
      } else if (finished.length > 0) {
        next = this.#take(batchSize, finished)
        finished = []
      } else {
        await this.#waitForOne()
        next = this.#take(batchSize, [])
      }
    }
    await next
    if (finished.length > 0) await this.#take(0, finished)
  }

  async #take(
    count: number,
    finished: readonly string[],
  ): Promise<{ readonly texts: readonly string[]; readonly firstTag: number }> {
    const firstTag = this.#lastTag + 1
    this.#lastTag += count
    const keys = [queue, 'unacked', 'unacked_index']
    const args = [String(count), String(Date.now() / 1000), `,"","${queue}"]`, String(firstTag), ...finished]
    return { texts: (await run(this.#client, take, keys, args)) as readonly string[], firstTag }
  }

  /** The server hands a message over as soon as it is pushed, into a list of this worker that keeps it until it is done. */
  async #waitForOne(): Promise<void> {
    const moved = this.#blocking.sendCommand(['BLMOVE', queue, this.#inbox, 'RIGHT', 'LEFT', '5'])
    const text = (await moved.catch(ignoreClosed)) as string | null | undefined
    if (text === null || text === undefined) return
    await this.#work([text])
    await this.#client.sendCommand(['LREM', this.#inbox, '1', text])
  }

  async #work(texts: readonly string[]): Promise<void> {
    const keys: string[] = []
    const metas: string[] = []
    for (const text of texts) {
      const { id, payload } = decodeEnvelope(text)
      const result = await this.#onTask(payload)
      if (this.#withResults) keys.push(resultPrefix + id)
      if (this.#withResults) metas.push(encodeMeta(id, result))
    }
    if (keys.length > 0) await run(this.#client, storeResults, keys, [keepResultsS, ...metas])
  }
}

function encodeMeta(id: string, result: unknown): string {
  const dateDone = new Date().toISOString()
  return JSON.stringify({
    status: 'SUCCESS',
    result,
    traceback: null,
    children: [],
    date_done: dateDone,
    task_id: id,
  })
}

async function connect(store: Store): Promise<Client> {
  const client = makeClient(redisUrl(store))
  client.on('error', ignoreClosed)
  await client.connect()
  return client
}

function makeClient(url: string) {
  return createClient({ url, RESP: 2 })
}

async function run(client: Client, script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
  const rest = [String(keys.length), ...keys, ...args]
  try {
    return await client.sendCommand(['EVALSHA', script.sha, ...rest])
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return client.sendCommand(['EVAL', script.text, ...rest])
  }
}

function ignoreClosed(): undefined {}
