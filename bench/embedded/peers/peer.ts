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
  /** Results are kept. */
  readonly withResults: boolean
}

export interface Producer {
  /** Nothing to await where the library works at once. */
  one(payload: Payload): Promise<unknown> | void
  /** Returns ids by which `Consumer.check` can see whether results arrived. */
  many(payloads: readonly Payload[]): Promise<readonly string[] | void> | void
  close(): Promise<void> | void
}

export interface Consumer {
  /** Resolves when messages are being taken. */
  start(): Promise<void> | void
  /** Stops. Throws if messages are left, or results of these ids missing, where the library can tell. */
  close(checkedIds: readonly string[]): Promise<void> | void
}

export type OnTask = (payload: Payload) => number

export interface Peer {
  openProducer(store: Store): Promise<Producer>
  openConsumer(store: Store, onTask: OnTask, concurrency: number): Promise<Consumer>
}
