import type { Broker, Outgoing } from '../brokers/broker.ts'
import { Deadlines } from '../util/deadlines.ts'
import type { Celeriac } from './app.ts'
import type { CallOptions } from './call-options.ts'
import { insertIntoOutbox } from './outbox-table.ts'
import type { Call, PreparedCall } from './prepare-call.ts'
import { publishWithin } from './publish-retry.ts'
import { publishChannel, tracedPublish } from './tracing.ts'
import type { Scope } from './transactions.ts'

const done: Promise<void> = Promise.resolve()

/** Steps 4 and 5 of a call: its message goes to the broker or into an outbox, and whoever listens is told. */
export class CallDispatcher {
  readonly #app: Celeriac
  #deadlines: Deadlines | undefined

  constructor(app: Celeriac) {
    this.#app = app
  }

  /** Now, or with the open transaction: when it commits, or as rows of it. */
  dispatch(calls: readonly PreparedCall[], { scope, mode, options }: Call): Promise<void> {
    if (!scope) return this.#publish(calls, options)
    if (mode === 'outbox') return tracedPublish(calls, () => this.#writeInto(scope, calls))
    scope.afterCommit(() => this.#publish(calls, options))
    return done
  }

  /** Signal beforeTaskPublish: the last chance to change headers. */
  async announce(calls: readonly PreparedCall[]): Promise<void> {
    const { signals } = this.#app
    if (!signals.has('beforeTaskPublish')) return
    for (const { taskName, taskId, outgoing, headers } of calls) {
      await signals.emit('beforeTaskPublish', { taskName, taskId, queue: outgoing.queue, headers })
    }
  }

  async #writeInto(scope: Scope, calls: readonly PreparedCall[]): Promise<void> {
    await this.announce(calls)
    const { table } = this.#app.config.outbox
    await insertIntoOutbox(scope.adapter, scope.tx, table, calls.map(outgoingOf))
    scope.afterCommit(() => {
      this.#app.outboxCommits.tell()
      if (this.#app.config.task.sendSentEvent) this.#tellSent(calls)
    })
  }

  #tellSent(calls: readonly PreparedCall[]): void {
    this.#app.events.sent(calls.map(outgoingOf))
  }

  /** Hands the messages over. Rejects with OperationalError within `task_publish_timeout`. */
  #publish(calls: readonly PreparedCall[], options: CallOptions): Promise<void> {
    if (!publishChannel.hasSubscribers) return this.#publishUntraced(calls, options)
    return tracedPublish(calls, () => this.#publishUntraced(calls, options))
  }

  #publishUntraced(calls: readonly PreparedCall[], options: CallOptions): Promise<void> {
    const { signals, config } = this.#app
    const isAloud = signals.has('beforeTaskPublish') || signals.has('afterTaskPublish')
    const published = isAloud ? this.#publishAloud(calls, options) : this.#handOver(calls.map(outgoingOf), options)
    return config.task.sendSentEvent ? published.then(() => this.#tellSent(calls)) : published
  }

  async #publishAloud(calls: readonly PreparedCall[], options: CallOptions): Promise<void> {
    const { signals } = this.#app
    await this.announce(calls)
    await this.#handOver(calls.map(outgoingOf), options)
    for (const { taskName, taskId, outgoing } of calls) {
      await signals.emit('afterTaskPublish', { taskName, taskId, queue: outgoing.queue })
    }
  }

  #handOver(messages: readonly Outgoing[], { retry = true, retryPolicy }: CallOptions): Promise<void> {
    const timeoutMs = this.#app.config.task.publishTimeoutMs
    this.#deadlines ??= new Deadlines(timeoutMs)
    return publishWithin(this.#openBroker, messages, { timeoutMs, retry, policy: retryPolicy }, this.#deadlines)
  }

  readonly #openBroker = (): Broker | Promise<Broker> => this.#app.connections.openedBroker ?? this.#app.openBroker()
}

function outgoingOf({ outgoing }: PreparedCall): Outgoing {
  return outgoing
}
