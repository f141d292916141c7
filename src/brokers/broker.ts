import type { Message } from '../protocol/message.ts'

/** A message on its way to a queue. */
export interface Outgoing {
  readonly message: Message
  readonly queue: string
  /** Not delivered before this time. */
  readonly deliverAt?: Date
}

/**
 * Every listener of a channel gets every message; nobody keeps it unless it is retained. `tasks:` carries those of one
 * broadcast queue.
 */
export type Channel = 'events' | 'control' | `reply:${string}` | `tasks:${string}`

/**
 * Gets the deliveries of one round, in order. What it throws becomes an uncaught exception of the process; the
 * deliveries it was given stay lent until they are settled or the subscription ends.
 */
export type OnDeliveries = (deliveries: readonly Delivery[]) => void

export interface SubscribeOptions {
  /** How many deliveries may be unsettled at once. */
  readonly prefetch: number
  /**
   * Told the reason when messages cannot be taken, and undefined once they can again. The broker goes on trying by
   * itself. Default: the reason becomes a warning of the process.
   */
  readonly onOutage?: (reason: Error | undefined) => void
}

export interface PublishOptions {
  /**
   * After this time (ms since the epoch) the caller counts the publish as failed: what is not sent by then is never sent.
   * Default: some seconds from now.
   */
  readonly giveUpAt?: number
}

/** A part of the waiting messages, in the order in which they would be delivered. */
export interface Page {
  readonly offset: number
  readonly limit: number
  /** Not what is ready: what waits for its time. What nobody took yet may be missing behind many that are ready. */
  readonly only?: 'deferred'
}

/** Who has a message that is lent. */
export interface Holder {
  /** As people know it: `process 4711 on web-1`, `a consumer of Python`. */
  readonly name: string
  /** When it was taken, where the store knows. */
  readonly since: Date | undefined
  /** False: it shows no life any more, and the message will be given out again. Undefined where nobody can tell. */
  readonly isAlive: boolean | undefined
}

/** A message, and where it is. */
export type FoundMessage = { readonly message: Message; readonly queue: string } & (
  | {
      readonly place: 'ready'
      /** How many of its queue come first. */
      readonly ahead: number
    }
  | { readonly place: 'deferred'; readonly until: Date }
  | { readonly place: 'lent'; readonly holder: Holder }
)

export interface FindOptions {
  /**
   * Looks at so many messages at most: the newest of all queues, again among those that are lent, and in each queue of
   * which that is not all, again at those that come next, up to {@link mostNext}.
   */
  readonly limit: number
}

/** See {@link FindOptions}. */
export const mostNext = 1000

/** Messages that a search did not look at. */
export interface Unseen {
  /** Undefined: they are lent. */
  readonly queue: string | undefined
  readonly count: number
}

export interface FindResult {
  readonly found: readonly FoundMessage[]
  /** What the limit left out, as far as the search can tell; empty: it saw everything. */
  readonly unseen: readonly Unseen[]
}

export interface BroadcastOptions {
  /** Listeners that come later get the message too, for this long. Default 0: only those that listen now. */
  readonly retainMs?: number
  /**
   * By which listeners of other programs choose, where the store has such keys: `task.sent`, `worker.heartbeat`. Ours hear
   * all. Default: Celery's own for the channel.
   */
  readonly routingKey?: string
}

/** Who hears a broadcast. */
export interface Audience {
  /** Listeners of this broker. */
  readonly here: number
  /** Other brokers that have listeners, each one or more. Some of them may be gone. */
  readonly elsewhere: number
}

/** Whether a message with these headers is to go. */
export type IsOver = (headers: Message['headers']) => boolean

/**
 * Carries messages. It reconnects by itself: a promise it returned settles when the operation is done or impossible
 * (then with an OperationalError).
 */
export interface Broker extends AsyncDisposable {
  /** Resolves once the broker has every message for good (publisher confirm, commit, reply). All or none are taken. */
  publish(messages: readonly Outgoing[], options?: PublishOptions): Promise<void>
  /** Delivers the queues' messages until the subscription is disposed of: higher priority first, then first come. */
  subscribe(queues: readonly string[], onDeliveries: OnDeliveries, options: SubscribeOptions): Promise<Subscription>
  /** Resolves to who hears the message, as far as the broker can tell. */
  broadcast(message: Message, channel: Channel, options?: BroadcastOptions): Promise<Audience | undefined>
  /** Whether anybody may listen to the channel now, anywhere. Missing where the broker cannot know. */
  isHeard?(channel: Channel): Promise<boolean>
  /**
   * Retained messages of the channel come first, oldest first. `onMissed`: the connection was lost, and is there again; what
   * was not retained may have been missed.
   */
  listen(channel: Channel, onMessage: (message: Message) => void, onMissed?: () => void): Promise<AsyncDisposable>
  /** Waiting messages: ready or deferred, not those lent to a subscriber. */
  count(queue: string): Promise<number>
  /** Deletes the waiting messages and returns how many there were. Those lent to a subscriber stay. */
  purge(queue: string): Promise<number>
  /**
   * Looks at the first `limit` messages of a queue that are ready, of each priority, deletes those that are over, and
   * resolves to their headers. Missing where the broker cannot.
   */
  prune?(queue: string, limit: number, isOver: IsOver): Promise<readonly Message['headers'][]>
  /** Shows waiting messages without taking them. Missing where the broker cannot. */
  peek?(queue: string, page: Page): Promise<Message[]>
  /** Names of the queues that hold messages. Missing where the broker cannot know. */
  queues?(): Promise<string[]>
  /**
   * Looks for the messages of a task, dead letters included, piece by piece without holding up others. One that moves
   * meanwhile may be missed. Missing where the broker cannot.
   */
  find?(taskId: string, options: FindOptions): Promise<FindResult>
}

/**
 * One message, lent to a subscriber until it is settled or lost. The broker renews the loan by itself, also while the
 * event loop is blocked. Settling a lost loan is harmless and has no effect; settling twice neither.
 */
export interface Delivery {
  readonly message: Message
  readonly queue: string
  /** How often the message was lent out, this time included: 1 for the first. Deferring does not count. */
  readonly deliveryCount: number
  /**
   * Aborts when the loan is over (connection gone, lease expired): someone else will get the message. Reading the property
   * looks anew where the process may have been frozen meanwhile.
   */
  readonly lost: AbortSignal
  /** As `lost.aborted`, without making a signal. */
  readonly isLost: boolean
  /** Removes the message. Its `successors` (a retry, the next of a chain) are published with it, in one step where the store can. */
  acknowledge(successors?: readonly Outgoing[]): Promise<void>
  /**
   * Publishes successors of a message that was acknowledged before it ran. Missing where they go where the broker's
   * `publish` brings them.
   */
  publishLate?(successors: readonly Outgoing[]): Promise<void>
  /** Back to its queue at once, or among the dead letters (`<queue>.dead`) with the reason. */
  reject(options: { readonly requeue: true } | { readonly requeue: false; readonly reason: string }): Promise<void>
  /** Puts the message back until `until`, in the store where the broker can. A time in the past gives it back unused. */
  defer(until: Date): Promise<void>
}

export interface Subscription extends AsyncDisposable {
  /**
   * When the store last answered the question for messages (ms since the epoch), be it with none; now, while none are
   * wanted. It gets no older than some 10 s where all is well, with empty queues too, and ages when the store is silent.
   */
  readonly claimedAtMs: number
  add(queue: string): Promise<void>
  /** No more deliveries from this queue; those that are lent stay lent. */
  cancel(queue: string): Promise<void>
  setPrefetch(count: number): Promise<void>
  /**
   * Stops delivering; what is lent stays lent and is renewed. Disposing of the subscription gives it back to its old
   * place, uncounted, and aborts `lost`.
   */
  pause(): Promise<void>
}
