import type { Broker, Outgoing } from '../brokers/broker.ts'
import { InvalidArguments } from '../errors.ts'
import { EventDispatcher } from '../events/event-dispatcher.ts'
import { EventReceiver, type ReceiverOptions } from '../events/event-receiver.ts'
import { customFields, sentFields, type Pieces } from '../protocol/event-message.ts'
import type { Celeriac } from './app.ts'
import { maybeCurrentTask } from './context.ts'

const reserved = ['hostname', 'utcoffset', 'pid', 'clock', 'timestamp', 'type', 'local_received']

/** The events of the app's cluster: to hear them, and to send some of one's own. */
export class AppEvents {
  readonly #app: Celeriac
  /** By the node name that their events carry. */
  readonly #dispatchers = new Map<string, EventDispatcher>()

  constructor(app: Celeriac) {
    this.#app = app
  }

  /** Hears the events of all workers on the app's broker, Celery's included. They send those of tasks with `-E`. */
  receiver(options: ReceiverOptions = {}): EventReceiver {
    return new EventReceiver(this.#broker, options, this.#app.clock)
  }

  /**
   * Sends an event of one's own: `send('order-paid', { order: 7 })`. Inside a task it comes from the worker. Nothing
   * waits for it, and nobody keeps it. Throws InvalidArguments for a type that is not `<group>-<name>`, for fields that are
   * no JSON, and for names that every event has.
   */
  send(type: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (!/^[\w.]+(-[\w.]+)+$/.test(type)) {
      throw new InvalidArguments(`The type of an event is <group>-<name>, such as 'order-paid'; got '${type}'`)
    }
    const taken = reserved.find((name) => name in fields)
    if (taken !== undefined)
      throw new InvalidArguments(`${type}: every event has a ${taken} already; name the field otherwise`)
    const text = customFields(fields)
    if (text === undefined) throw new InvalidArguments(`${type}: the fields of an event must be JSON`)
    this.#dispatcherOf(maybeCurrentTask()?.request.hostname ?? this.#app.nodeName).send(type, writeText, text)
  }

  /** @internal `task-sent` for each message. */
  sent(messages: readonly Outgoing[]): void {
    const dispatcher = this.#dispatcherOf(this.#app.nodeName)
    for (const { message, queue } of messages) dispatcher.collect('task-sent', sentFields, message.headers, queue)
  }

  /** @internal Sends what is left. */
  async close(): Promise<void> {
    const dispatchers = [...this.#dispatchers.values()]
    this.#dispatchers.clear()
    await Promise.all(dispatchers.map((dispatcher) => dispatcher[Symbol.asyncDispose]()))
  }

  #dispatcherOf(hostname: string): EventDispatcher {
    const known = this.#dispatchers.get(hostname)
    if (known) return known
    const { clock, log } = this.#app
    const onError = (error: unknown, dropped: number): void =>
      log.debug({ err: error, dropped }, 'Dropped {dropped} event(s) that could not be sent')
    const dispatcher = new EventDispatcher({ broker: this.#broker, hostname, clock, onError })
    this.#dispatchers.set(hostname, dispatcher)
    return dispatcher
  }

  readonly #broker = (): Broker | Promise<Broker> => this.#app.connections.openedBroker ?? this.#app.openBroker()
}

function writeText(into: Pieces, text: string): void {
  into.push(text)
}
