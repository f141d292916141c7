import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'

/**
 * A process that uses a broker, for the fault tests. It prints a line for each thing that happened, at once
 * and synchronously, so that what it said before it was killed is known.
 */
const [mode = '', url = '', prefix = '', count = '0', leaseSeconds = '30'] = process.argv.slice(2)
const broker = await openBroker(url, { transportOptions: { leaseSeconds: Number(leaseSeconds) } })

function say(...words: readonly (string | number)[]): void {
  writeSync(1, `${words.join(' ')}\n`)
}

function message(body: string, priority: number) {
  return { headers: { id: body }, properties: { priority }, contentType: 'text/plain', contentEncoding: 'utf-8', body }
}

async function produce(): Promise<void> {
  for (let from = 0; from < Number(count); from += 10) {
    const bodies = Array.from({ length: 10 }, (_, at) => `${prefix}${from + at}`)
    // Half of them one by one in a turn, half as one publish.
    const [alone, together] = [bodies.slice(0, 5), bodies.slice(5)]
    const published = alone.map((body) => broker.publish([{ queue: 'q', message: message(body, from % 3) }]))
    const pack = together.map((body) => ({ queue: 'q', message: message(body, from % 3) }))
    await Promise.all([...published, broker.publish(pack)])
    say('published', ...bodies)
  }
  await broker[Symbol.asyncDispose]()
}

async function settle(delivery: Delivery): Promise<void> {
  const body = String(delivery.message.body)
  say('ran', body, delivery.deliveryCount)
  await sleep(Math.random() * 3)
  const dice = delivery.deliveryCount < 3 ? Math.random() : 1
  if (dice < 0.1) await delivery.reject({ requeue: true })
  else if (dice < 0.2) await delivery.defer(new Date(Date.now() + 20))
  else {
    await delivery.acknowledge()
    if (!delivery.lost.aborted) say('acknowledged', body)
  }
  say('settled', body)
}

const modes: Record<string, () => Promise<void>> = {
  produce,
  async work() {
    await broker.subscribe(['q'], (deliveries) => void Promise.all(deliveries.map(settle)), { prefetch: Number(count) })
    say('ready')
  },
  async hold() {
    const held = (deliveries: readonly Delivery[]): void => {
      for (const delivery of deliveries) {
        say('holds', String(delivery.message.body), delivery.deliveryCount)
      }
    }
    await broker.subscribe(['q'], held, { prefetch: Number(count) })
    say('ready')
  },
  async block() {
    const block = (deliveries: readonly Delivery[]): void => {
      say('blocks')
      const endMs = performance.now() + Number(count)
      while (performance.now() < endMs);
      for (const delivery of deliveries) void acknowledge(delivery)
    }
    await broker.subscribe(['q'], block, { prefetch: 1 })
  },
  /**
   * Stops itself between taking and settling: nothing tells it in between that its loan is lost. Not at once: its thread
   * renews what was just taken, and stopped in that it would hold the lock of a SQLite file.
   */
  async stop() {
    const stop = async (deliveries: readonly Delivery[]): Promise<void> => {
      await sleep(100)
      say('stops')
      process.kill(process.pid, 'SIGSTOP')
      for (const delivery of deliveries) void acknowledge(delivery)
    }
    await broker.subscribe(['q'], (deliveries) => void stop(deliveries), { prefetch: 1 })
  },
  async create() {
    await broker.publish([{ queue: 'q', message: message(prefix, 0) }])
    say('created')
    await broker[Symbol.asyncDispose]()
  },
  async listen() {
    await broker.listen('control', ({ body }) => say('heard', String(body)))
    say('ready')
  },
  async leave() {
    const delivered = Promise.withResolvers<void>()
    const subscription = await broker.subscribe(['q'], () => delivered.resolve(), { prefetch: 1 })
    await broker.publish([{ queue: 'q', message: message(prefix, 0) }])
    await delivered.promise
    say('delivered')
    await subscription[Symbol.asyncDispose]()
    say('left')
  },
}

async function acknowledge(delivery: Delivery): Promise<void> {
  const body = String(delivery.message.body)
  await delivery.acknowledge([{ queue: 'after', message: message(`after ${body}`, 0) }])
  say(delivery.lost.aborted ? 'refused' : 'acknowledged', body)
}

const run = modes[mode]
if (!run) throw new Error(`unknown mode '${mode}'`)
await run()
