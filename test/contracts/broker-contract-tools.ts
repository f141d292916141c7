import assert from 'node:assert/strict'
import type { Broker, Delivery, OnDeliveries, Outgoing } from '../../src/brokers/broker.ts'
import type { Message, MessageProperties } from '../../src/protocol/message.ts'
import { type Define, sleep, until } from './contract.ts'

export interface OpenedBroker {
  readonly broker: Broker
  /** Ends everything the test opened and removes the store. */
  dispose(): Promise<void>
  /** A second connection to the same store; the test disposes of it. */
  readonly reopen: () => Promise<Broker>
}

export type DefineBroker = Define<OpenedBroker>

export function text(
  body: string,
  options: { readonly priority?: number; readonly headers?: Readonly<Record<string, unknown>> } = {},
): Message {
  const properties: MessageProperties = options.priority === undefined ? {} : { priority: options.priority }
  return {
    headers: options.headers ?? { id: body },
    properties,
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body,
  }
}

export function to(queue: string, ...bodies: readonly string[]): Outgoing[] {
  return bodies.map((body) => ({ queue, message: text(body) }))
}

export function inMs(ms: number): Date {
  return new Date(Date.now() + ms)
}

/** `length` bodies that sort as they are numbered. */
export function numbered(length: number): string[] {
  return Array.from({ length }, (_, index) => String(index).padStart(6, '0'))
}

/** Takes deliveries and lets a test wait for them. */
export class Inbox {
  readonly deliveries: Delivery[] = []
  /** Deliveries that are not settled by the test yet. */
  readonly held: Set<Delivery> = new Set()
  readonly #settles: boolean

  /** With `settles` it acknowledges what it gets at once. */
  constructor(options: { readonly settles?: boolean } = {}) {
    this.#settles = options.settles ?? false
  }

  readonly onDeliveries: OnDeliveries = (deliveries: readonly Delivery[]): void => {
    for (const delivery of deliveries) {
      this.deliveries.push(delivery)
      if (this.#settles) delivery.acknowledge().catch((error: unknown) => assert.fail(String(error)))
      else this.held.add(delivery)
    }
  }

  get bodies(): string[] {
    return this.deliveries.map((delivery) => delivery.message.body as string)
  }

  at(index: number): Delivery {
    const delivery = this.deliveries.at(index)
    assert.ok(delivery, `no delivery ${index} among ${this.deliveries.length}`)
    return delivery
  }

  async waitFor(count: number): Promise<void> {
    await until(
      () => this.deliveries.length >= count,
      () => `${count} deliveries, got ${this.deliveries.length}: ${this.bodies.slice(0, 20).join(', ').slice(0, 200)}`,
    )
  }

  async acknowledge(delivery: Delivery): Promise<void> {
    this.held.delete(delivery)
    await delivery.acknowledge()
  }

  async acknowledgeAll(): Promise<void> {
    await Promise.all([...this.held].map((delivery) => this.acknowledge(delivery)))
  }

  /** Fails if another delivery comes within `ms`. */
  async staysAt(count: number, ms = 120): Promise<void> {
    await this.waitFor(count)
    await sleep(ms)
    assert.deepEqual(this.bodies.slice(count), [], `expected ${count} deliveries and no more`)
  }
}

/** The waiting messages of a queue; fails for a broker that cannot show them. */
export async function peek(broker: Broker, queue: string, offset: number, limit: number): Promise<Message[]> {
  return (
    (await broker.peek?.(queue, { offset, limit })) ?? assert.fail('the broker cannot peek: skip this with a reason')
  )
}

/** Takes everything that is ready in a queue, in order. */
export async function drain(broker: Broker, queue: string, count: number): Promise<Delivery[]> {
  const inbox = new Inbox({ settles: true })
  const subscription = await broker.subscribe([queue], inbox.onDeliveries, { prefetch: 10 })
  await inbox.waitFor(count)
  await subscription[Symbol.asyncDispose]()
  return inbox.deliveries
}
