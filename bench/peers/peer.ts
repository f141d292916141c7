/** What every task carries: two small ints and a string of 200 bytes. */
export interface Payload {
  readonly a: number
  readonly b: number
  readonly text: string
}

export const filling: string = 'x'.repeat(200)

export function payload(index: number): Payload {
  return { a: index % 1000, b: 7, text: filling }
}

/** Where a measurement keeps its messages; fresh for each. */
export interface Store {
  readonly folder: string
  readonly redisPort: number | undefined
  /** An interpreter with Celery. */
  readonly python?: string | undefined
  /** Results are kept. */
  readonly withResults: boolean
  /** The producer waits for results (`Producer.roundTrip`). */
  readonly awaitsResults?: boolean
  /** Tasks carry no text: a no-op of two ints. */
  readonly isBare?: boolean
  /** Of our worker. */
  readonly worker?: WorkerChoice
}

/** What a worker of ours does besides its tasks. */
export interface WorkerChoice {
  readonly taskEvents?: boolean
  readonly withoutHeartbeat?: boolean
}

export interface Producer {
  /** Nothing to await where the library works at once. */
  one(payload: Payload): Promise<unknown> | void
  /** Returns ids by which `Consumer.close` can see whether results arrived. */
  many(payloads: readonly Payload[]): Promise<readonly string[] | void> | void
  /** Calls and waits for the result. Missing where the library has none. */
  roundTrip?(payload: Payload): Promise<unknown>
  close(): Promise<void> | void
}

export interface Consumer {
  /** Resolves when messages are being taken; with the time (`nowMs`) since when, where that is not the time of this call. */
  start(): Promise<number | void> | void
  /** Stops. Throws if messages are left, or results of these ids missing, where the library can tell. */
  close(checkedIds: readonly string[]): Promise<void> | void
}

export type OnTask = (payload: Payload) => number

export interface Peer {
  openProducer(store: Store): Promise<Producer>
  openConsumer(store: Store, onTask: OnTask, concurrency: number): Promise<Consumer>
}

/** `redis://…` of the server that the suite started. */
export function redisUrl({ redisPort }: Store): string {
  if (redisPort === undefined) throw new Error('this peer needs a redis-server')
  return `redis://127.0.0.1:${redisPort}/0`
}
