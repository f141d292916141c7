import { openSqliteDatabase } from '../drivers/open-sqlite-database.ts'
import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import { parseSqliteUrl } from '../drivers/sqlite-url.ts'
import { OperationalError } from '../errors.ts'
import type { Message } from '../protocol/message.ts'
import type {
  Audience,
  BroadcastOptions,
  Broker,
  Channel,
  FindOptions,
  FindResult,
  IsOver,
  OnDeliveries,
  Outgoing,
  Page,
  SubscribeOptions,
  Subscription,
} from './broker.ts'
import { SqliteChannels } from './sqlite-channels.ts'
import { SqliteInspection } from './sqlite-inspection.ts'
import { SqliteLedger } from './sqlite-ledger.ts'
import { SqliteOwners } from './sqlite-owners.ts'
import type { SqliteBrokerOptions } from './sqlite-options.ts'
import { pruneSqlite } from './sqlite-prune.ts'
import { encodeOutgoing } from './sqlite-rows.ts'
import { migrations } from './sqlite-schema.ts'
import { SqliteSearch } from './sqlite-search.ts'
import { SqliteStore } from './sqlite-store.ts'
import { SqliteSubscription } from './sqlite-subscription.ts'
import { SqliteTaker } from './sqlite-taker.ts'
import { SqliteUpkeep } from './sqlite-upkeep.ts'

/**
 * Opens the broker in a file: `sqlite:./celeriac.db`. The file and its folder are created on first use, and shared with
 * other brokers and result backends, of this process and others.
 */
export async function openSqliteBroker(url: string, options: SqliteBrokerOptions = {}): Promise<SqliteBroker> {
  const { leaseSeconds = 30, synchronous = 'normal', busyDeadlineSeconds = 10 } = options
  const path = parseSqliteUrl(url)
  const database = await openSqliteDatabase(path, { synchronous, busyDeadlineMs: busyDeadlineSeconds * 1000 })
  try {
    await database.migrate('broker', migrations)
    return await database.read(() => new SqliteBroker(database, leaseSeconds * 1000))
  } catch (error) {
    await database[Symbol.asyncDispose]()
    throw error
  }
}

/** Queues and channels as tables of one SQLite file. */
export class SqliteBroker implements Broker {
  readonly #database: SqliteDatabase
  readonly #store: SqliteStore
  readonly #owners: SqliteOwners
  readonly #ledger: SqliteLedger
  readonly #taker: SqliteTaker
  readonly #channels: SqliteChannels
  readonly #inspection: SqliteInspection
  readonly #upkeep: SqliteUpkeep
  readonly #subscriptions: Set<SqliteSubscription> = new Set()
  #commits: Disposable | undefined
  #disposal: Promise<void> | undefined

  /** The tables have to be there: use {@link openSqliteBroker}. */
  constructor(database: SqliteDatabase, leaseMs: number) {
    this.#database = database
    this.#store = new SqliteStore(database)
    this.#owners = new SqliteOwners(database, this.#store, leaseMs)
    this.#ledger = new SqliteLedger(database, this.#store, this.#owners)
    this.#channels = new SqliteChannels(database, this.#owners)
    this.#upkeep = new SqliteUpkeep(database, this.#owners, this.#ledger, this.#channels)
    this.#taker = new SqliteTaker(database, this.#store, this.#owners, this.#ledger, this.#upkeep.keep)
    this.#inspection = new SqliteInspection(database, this.#store)
  }

  publish(messages: readonly Outgoing[]): Promise<void> {
    try {
      this.#assertOpen('publish')
      const rows = messages.map(encodeOutgoing)
      return this.#database.write(() => this.#store.publish(rows))
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  async subscribe(
    queues: readonly string[],
    onDeliveries: OnDeliveries,
    options: SubscribeOptions,
  ): Promise<Subscription> {
    this.#assertOpen('subscribe')
    // Before anything is taken: who takes has to hold the subscription by then.
    await this.#upkeep.startForLoans()
    this.#assertOpen('subscribe')
    const subscription = new SqliteSubscription(
      this.#database,
      this.#taker,
      queues,
      onDeliveries,
      options,
      this.#endSubscription,
    )
    this.#subscriptions.add(subscription)
    this.#listenToCommits()
    subscription.wake()
    return subscription
  }

  async broadcast(
    message: Message,
    channel: Channel,
    { retainMs = 0 }: BroadcastOptions = {},
  ): Promise<Audience | undefined> {
    this.#assertOpen('broadcast')
    return this.#channels.broadcast(message, channel, retainMs)
  }

  async isHeard(channel: Channel): Promise<boolean> {
    this.#assertOpen('ask who listens')
    return this.#channels.isHeard(channel)
  }

  async listen(channel: Channel, onMessage: (message: Message) => void): Promise<AsyncDisposable> {
    this.#assertOpen('listen')
    this.#listenToCommits()
    const listening = await this.#channels.listen(channel, onMessage)
    this.#upkeep.start()
    this.#upkeep.keep(listening.ownerId)
    return {
      [Symbol.asyncDispose]: async () => {
        if (this.#disposal) return
        await listening.stop()
        this.#restIfUnused()
      },
    }
  }

  async count(queue: string): Promise<number> {
    this.#assertOpen('count')
    return this.#inspection.count(queue)
  }

  async purge(queue: string): Promise<number> {
    this.#assertOpen('purge')
    return this.#inspection.purge(queue)
  }

  async prune(queue: string, limit: number, isOver: IsOver): Promise<Message['headers'][]> {
    this.#assertOpen('prune')
    return pruneSqlite(this.#database, this.#store, queue, limit, isOver)
  }

  async peek(queue: string, page: Page): Promise<Message[]> {
    this.#assertOpen('peek')
    return this.#inspection.peek(queue, page)
  }

  async queues(): Promise<string[]> {
    this.#assertOpen('list its queues')
    return this.#inspection.queues()
  }

  async find(taskId: string, { limit }: FindOptions): Promise<FindResult> {
    this.#assertOpen('find a message')
    return new SqliteSearch(this.#database, this.#inspection).find(taskId, limit)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose()
    return this.#disposal
  }

  /** A subscription that cannot give back what it holds does not keep the rest: deleting the owner returns it too. */
  async #dispose(): Promise<void> {
    await Promise.allSettled([...this.#subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()))
    await this.#ledger.idle()
    await this.#upkeep.stop()
    try {
      const { own } = this.#owners
      if (own !== undefined) await this.#database.write(() => this.#owners.remove(own, 1))
    } finally {
      this.#commits?.[Symbol.dispose]()
      await this.#database[Symbol.asyncDispose]()
    }
  }

  readonly #endSubscription = async (subscription: SqliteSubscription): Promise<void> => {
    await this.#ledger.giveBack((loan) => loan.release === subscription.release)
    this.#subscriptions.delete(subscription)
    this.#restIfUnused()
  }

  #listenToCommits(): void {
    this.#commits ??= this.#database.onCommit(() => {
      this.#channels.check()
      for (const subscription of this.#subscriptions) subscription.wake()
    })
  }

  #restIfUnused(): void {
    if (this.#subscriptions.size > 0 || this.#channels.size > 0) return
    this.#commits?.[Symbol.dispose]()
    this.#commits = undefined
  }

  #assertOpen(operation: string): void {
    if (this.#disposal)
      throw new OperationalError(`The SQLite broker was disposed of and cannot ${operation}; open a new one`)
  }
}
