/** What decides the names of the keys: kombu's transport options. */
export interface RedisNaming {
  readonly globalKeyprefix: string
  readonly prioritySteps: readonly number[]
  readonly sep: string
  readonly unackedKey: string
  readonly unackedIndexKey: string
  readonly unackedMutexKey: string
}

/** The keys of kombu, and ours beside them, which it does not look at (celery-wire 3.2). */
export class RedisNames {
  readonly unacked: string
  readonly unackedIndex: string
  readonly unackedMutex: string
  /** Consumer id -> when its lease ends (ms, by the server's clock); 0 for one whose messages are being returned. */
  readonly consumers: string
  /** When any consumer renewed its lease, and until when nobody is called dead. */
  readonly renewedAt: string
  readonly graceUntil: string
  /** Names of the queues that celeriac has published to or taken from. */
  readonly queues: string
  /** Steps of priority, the first to be taken first. */
  readonly steps: readonly number[]
  readonly sep: string
  readonly prefix: string

  constructor({ globalKeyprefix: prefix, prioritySteps, sep, ...keys }: RedisNaming) {
    this.prefix = prefix
    this.steps = prioritySteps.toSorted((a, b) => a - b)
    this.sep = sep
    this.unacked = prefix + keys.unackedKey
    this.unackedIndex = prefix + keys.unackedIndexKey
    this.unackedMutex = prefix + keys.unackedMutexKey
    this.consumers = `${prefix}celeriac.consumers`
    this.renewedAt = `${prefix}celeriac.consumers.renewed`
    this.graceUntil = `${prefix}celeriac.consumers.grace`
    this.queues = `${prefix}celeriac.queues`
  }

  /** The list of a queue for one of its steps. */
  list(queue: string, stepIndex: number): string {
    const step = this.steps[stepIndex] ?? 0
    return step === 0 ? this.prefix + queue : `${this.prefix}${queue}${this.sep}${step}`
  }

  lists(queue: string): string[] {
    return this.steps.map((_, index) => this.list(queue, index))
  }

  /** Which step a priority of the wire belongs to: the largest that is not above it, as kombu finds it. */
  stepIndex(wirePriority: number): number {
    const clamped = Math.min(9, Math.max(0, wirePriority))
    const found = this.steps.findLastIndex((step) => step <= clamped)
    // Below the first step kombu's arithmetic gives the last one.
    return found === -1 ? this.steps.length - 1 : found
  }

  /** Tags of deferred messages, by the time when they are due (ms). Each has the number of its step in front. */
  delayed(queue: string): string {
    return `${this.prefix}celeriac.delayed.${queue}`
  }

  /** Tells sleeping consumers of a queue to look: for what does not come to the list that they wait at. */
  wakeChannel(queue: string): string {
    return `${this.prefix}celeriac.wake.${queue}`
  }

  /** Tags of the messages that are lent to a consumer. */
  held(consumerId: string): string {
    return `${this.prefix}celeriac.held.${consumerId}`
  }

  /** Which takes of a consumer count: those that know the number kept here. */
  epoch(consumerId: string): string {
    return `${this.prefix}celeriac.consumer.${consumerId}`
  }

  /** Who a consumer is, for people. */
  holder(consumerId: string): string {
    return `${this.prefix}celeriac.holder.${consumerId}`
  }

  /** The last publish of a producer that was carried out. */
  producer(producerId: string): string {
    return `${this.prefix}celeriac.producer.${producerId}`
  }

  binding(exchange: string): string {
    return `${this.prefix}_kombu.binding.${exchange}`
  }

  /** A queue bound to the exchange of its name, as Celery declares those that it creates. */
  bindingMember(queue: string): string {
    return `${queue}${this.sep}${this.sep}${queue}`
  }
}
