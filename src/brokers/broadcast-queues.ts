import { deadLetterQueue, withDeath, type Message } from '../protocol/message.ts'
import type {
  Audience,
  BroadcastOptions,
  Broker,
  Channel,
  Delivery,
  FindOptions,
  FindResult,
  OnDeliveries,
  Outgoing,
  PublishOptions,
  SubscribeOptions,
  Subscription,
} from './broker.ts'
import { openMemoryBroker } from './memory.ts'
import { MixedSubscription } from './mixed-subscription.ts'

/** Messages that may wait in a worker. A broadcast is not kept by anybody, so more are dropped, with a warning. */
const mostWaiting = 10_000

/**
 * A broker some of whose queues give each message to every subscriber, as Celery's `Broadcast` does. Such a message travels
 * over a channel and waits in the memory of each subscriber, also for its ETA and its retries: it is delivered at most
 * once to each, and only to those that listen. What lies in a store's queue of that name, because its sender knew of no
 * broadcast, is taken by one of them, as of any queue.
 */
export class BroadcastQueues implements Broker {
  readonly #broker: Broker
  readonly #names: ReadonlySet<string>
  readonly #routingKey: string
  /** What waits, for each subscription. */
  readonly #waiting = new Set<Broker>()
  // Missing where the store's broker has none.
  readonly peek?: NonNullable<Broker['peek']>
  readonly prune?: NonNullable<Broker['prune']>
  readonly queues?: NonNullable<Broker['queues']>
  readonly find?: NonNullable<Broker['find']>
  readonly isHeard?: NonNullable<Broker['isHeard']>

  /** `routingKey`: that of the queues at Celery's workers, which is their `task_default_routing_key`. */
  constructor(broker: Broker, names: readonly string[], routingKey: string) {
    this.#broker = broker
    this.#names = new Set(names)
    this.#routingKey = routingKey
    if (broker.peek) this.peek = broker.peek.bind(broker)
    if (broker.prune) this.prune = broker.prune.bind(broker)
    if (broker.isHeard) this.isHeard = broker.isHeard.bind(broker)
    if (broker.queues) this.queues = broker.queues.bind(broker)
    if (broker.find) this.find = (taskId, options) => this.#find(taskId, options)
  }

  async publish(messages: readonly Outgoing[], options?: PublishOptions): Promise<void> {
    const kept = messages.filter(({ queue }) => !this.#names.has(queue))
    if (kept.length > 0 || messages.length === 0) await this.#broker.publish(kept, options)
    if (kept.length === messages.length) return
    const broadcast = messages.filter(({ queue }) => this.#names.has(queue))
    const key = { routingKey: this.#routingKey }
    await Promise.all(broadcast.map(({ message, queue }) => this.#broker.broadcast(message, `tasks:${queue}`, key)))
  }

  async subscribe(
    queues: readonly string[],
    onDeliveries: OnDeliveries,
    options: SubscribeOptions,
  ): Promise<Subscription> {
    const kept = await this.#broker.subscribe(queues, onDeliveries, options)
    const waiting = openMemoryBroker('memory:')
    this.#waiting.add(waiting)
    const onLocal: OnDeliveries = (deliveries) => onDeliveries(deliveries.map((each) => this.#delivery(each, waiting)))
    const subscription = new MixedSubscription({
      kept,
      local: await waiting.subscribe([], onLocal, options),
      names: this.#names,
      listen: (queue) => this.#broker.listen(`tasks:${queue}`, (message) => void receive(waiting, queue, message)),
      onDisposed: () => {
        this.#waiting.delete(waiting)
        return waiting[Symbol.asyncDispose]()
      },
    })
    try {
      for (const queue of queues) await subscription.listen(queue)
    } catch (error) {
      await subscription[Symbol.asyncDispose]()
      throw error
    }
    return subscription
  }

  broadcast(message: Message, channel: Channel, options?: BroadcastOptions): Promise<Audience | undefined> {
    return this.#broker.broadcast(message, channel, options)
  }

  listen(channel: Channel, onMessage: (message: Message) => void, onMissed?: () => void): Promise<AsyncDisposable> {
    return this.#broker.listen(channel, onMessage, onMissed)
  }

  /** Of a broadcast queue: what waits in the store and in this process. */
  count(queue: string): Promise<number> {
    return this.#sum((broker) => broker.count(queue))
  }

  purge(queue: string): Promise<number> {
    return this.#sum((broker) => broker.purge(queue))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broker[Symbol.asyncDispose]()
  }

  /** In the store, and in the memory of this process. */
  async #find(taskId: string, options: FindOptions): Promise<FindResult> {
    const brokers = [this.#broker, ...this.#waiting]
    const results = await Promise.all(brokers.map(async (broker) => broker.find?.(taskId, options)))
    return {
      found: results.flatMap((result) => result?.found ?? []),
      unseen: results.flatMap((result) => result?.unseen ?? []),
    }
  }

  async #sum(count: (broker: Broker) => Promise<number>): Promise<number> {
    const counts = await Promise.all([this.#broker, ...this.#waiting].map(count))
    return counts.reduce((sum, each) => sum + each, 0)
  }

  /** Retries stay here, where the task failed; what is for others, and dead letters, go to the store. */
  #delivery(delivery: Delivery, waiting: Broker): Delivery {
    const { message, queue, deliveryCount } = delivery
    const publishOthers = async (successors: readonly Outgoing[]): Promise<Outgoing[]> => {
      const others = successors.filter((successor) => successor.queue !== queue)
      if (others.length > 0) await this.publish(others)
      return successors.filter((successor) => successor.queue === queue)
    }
    return {
      message,
      queue,
      deliveryCount,
      get lost() {
        return delivery.lost
      },
      get isLost() {
        return delivery.isLost
      },
      acknowledge: async (successors = []) => delivery.acknowledge(await publishOthers(successors)),
      publishLate: async (successors) => waiting.publish(await publishOthers(successors)),
      reject: async (options) => {
        if (options.requeue) return delivery.reject(options)
        const death = { reason: options.reason, queue, at: new Date().toISOString(), deliveries: deliveryCount }
        await this.#broker.publish([{ message: withDeath(message, death), queue: deadLetterQueue(queue) }])
        await delivery.acknowledge()
      },
      defer: (until) => delivery.defer(until),
    }
  }
}

async function receive(waiting: Broker, queue: string, message: Message): Promise<void> {
  if ((await waiting.count(queue)) < mostWaiting) return waiting.publish([{ message, queue }])
  process.emitWarning(`${mostWaiting} messages of the broadcast queue ${queue} wait in this worker; more are dropped`, {
    code: 'CELERIAC_BROADCAST_DROPPED',
  })
}
