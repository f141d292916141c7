import type { Broker, Delivery } from '../../src/brokers/broker.ts'

/** As if workers died: messages go back when they were taken, and when their bodies are done but not acknowledged. */
export function withLostLoans(broker: Broker, probability: number): void {
  const subscribe = broker.subscribe.bind(broker)
  broker.subscribe = (queues, onDeliveries, options) =>
    subscribe(
      queues,
      (deliveries) => {
        const kept = deliveries.filter((delivery) => {
          if (Math.random() > probability) return true
          void delivery.reject({ requeue: true })
          return false
        })
        onDeliveries(kept.map((delivery) => new MortalDelivery(delivery, Math.random() < probability)))
      },
      options,
    )
}

class MortalDelivery implements Delivery {
  readonly #delivery: Delivery
  readonly #dies: boolean
  readonly #end = new AbortController()

  constructor(delivery: Delivery, dies: boolean) {
    this.#delivery = delivery
    this.#dies = dies
  }

  get message(): Delivery['message'] {
    return this.#delivery.message
  }

  get queue(): string {
    return this.#delivery.queue
  }

  get deliveryCount(): number {
    return this.#delivery.deliveryCount
  }

  get lost(): AbortSignal {
    return AbortSignal.any([this.#delivery.lost, this.#end.signal])
  }

  get isLost(): boolean {
    return this.#end.signal.aborted || this.#delivery.isLost
  }

  async acknowledge(...successors: Parameters<Delivery['acknowledge']>): Promise<void> {
    if (!this.#dies) return this.#delivery.acknowledge(...successors)
    this.#end.abort()
    await this.#delivery.reject({ requeue: true })
  }

  reject(...options: Parameters<Delivery['reject']>): Promise<void> {
    return this.#delivery.reject(...options)
  }

  defer(until: Date): Promise<void> {
    return this.#delivery.defer(until)
  }
}
