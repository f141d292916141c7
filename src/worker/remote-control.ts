import {
  decodeControlRequest,
  encodeControlReply,
  isAddressedTo,
  isStoredBySender,
  jsonForm,
  type BodyForm,
  type ControlRequest,
} from '../protocol/control-message.ts'
import type { Message } from '../protocol/message.ts'
import { LamportClock } from '../util/lamport-clock.ts'
import { CommandError, errorReply } from './command-error.ts'
import { noReply, type RequestFacts } from './command-body.ts'
import { carryOut } from './commands.ts'
import type { WorkerState } from './worker-state.ts'

/** These are obeyed even where remote control is switched off: a revoke is a promise of the app. */
const always: readonly string[] = ['revoke', 'revoke_by_stamped_headers']

/** Hears what a worker is asked and told over the control channel, and answers. Nothing on the channel stops the worker. */
export class RemoteControl implements AsyncDisposable {
  readonly #worker: WorkerState
  readonly #clock = new LamportClock()
  #listening: AsyncDisposable | undefined

  private constructor(worker: WorkerState) {
    this.#worker = worker
  }

  /** Revokes that were retained are heard before anything is taken. `onMissed`: others may have been missed. */
  static async open(worker: WorkerState, onMissed: () => void): Promise<RemoteControl> {
    const control = new RemoteControl(worker)
    control.#listening = await worker.broker.listen('control', (message) => control.#heed(message), onMissed)
    return control
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listening?.[Symbol.asyncDispose]()
  }

  #heed(message: Message): void {
    const form = this.#formOf(message.contentType)
    const request = form && decodeControlRequest(message, form)
    if (!form || !request) return
    this.#clock.adjust(message.headers['clock'])
    const { nodeName, app } = this.#worker
    if (!isAddressedTo(request, nodeName)) return
    if (!app.config.worker.enableRemoteControl && !always.includes(request.method)) return
    void this.#answer(request, form, { isStored: isStoredBySender(message) })
  }

  /** The command has taken effect, as far as it does not wait, when this returns its promise. */
  async #answer(request: ControlRequest, form: BodyForm, facts: RequestFacts): Promise<void> {
    const value = await this.#valueOf(request, facts)
    const { replyTo, ticket } = request
    const { nodeName: node, broker, app } = this.#worker
    if (!replyTo || value === noReply) return
    try {
      await broker.broadcast(this.#encode(node, value, ticket, form), `reply:${replyTo.routingKey}`)
    } catch (error) {
      app.log.warn({ err: error, method: request.method }, 'The reply to {method} could not be sent')
    }
  }

  async #valueOf({ method, arguments: args }: ControlRequest, facts: RequestFacts): Promise<unknown> {
    const { log } = this.#worker.app
    log.debug({ method }, 'Remote control: {method}')
    try {
      return (await carryOut(this.#worker, method, args, facts)) ?? null
    } catch (error) {
      const reply = errorReply(error)
      if (error instanceof CommandError) log.warn({ method, reason: reply.error }, 'Refused {method}: {reason}')
      else log.error({ method, err: error, reason: reply.error }, 'The command {method} failed: {reason}')
      return reply
    }
  }

  #encode(node: string, value: unknown, ticket: string | undefined, form: BodyForm): Message {
    const stamp = { ticket, clock: this.#clock.forward() }
    try {
      return encodeControlReply({ node, value }, stamp, form)
    } catch (error) {
      return encodeControlReply({ node, value: errorReply(error) }, stamp, form)
    }
  }

  /** Who asks in another form gets the answer in it. Undefined for one that may not be read. */
  #formOf(contentType: string): BodyForm | undefined {
    if (contentType === 'application/json') return jsonForm
    const { codec } = this.#worker
    const name = codec.nameOf(contentType)
    return name === undefined ? undefined : codec.form(name)
  }
}
