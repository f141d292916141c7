import type { Celeriac } from '../app/app.ts'
import { tracedFollowing } from '../app/tracing.ts'
import type { ResultBackend } from '../backends/backend.ts'
import type { Delivery, Outgoing } from '../brokers/broker.ts'
import { Chords } from '../canvas/chords.ts'
import type { ChordPart, Following } from '../pools/pool.ts'
import type { Request } from './request.ts'

/** What hangs on a message: published with its settlement, never without it. */
export class Workflows {
  readonly #app: Celeriac
  readonly #backend: ResultBackend
  readonly #chords: Chords

  constructor(app: Celeriac, backend: ResultBackend) {
    this.#app = app
    this.#backend = backend
    this.#chords = new Chords(app, backend)
  }

  /** Acknowledges the message with what follows, in one step unless it was acknowledged before it ran. */
  async acknowledge(
    { delivery, isSettled, begun }: Pick<Request, 'delivery' | 'isSettled' | 'begun'>,
    { successors = [], parts = [], used = [] }: Following,
  ): Promise<void> {
    // What is done under a loan that is lost counts no more than its result.
    if (!isSettled && delivery.isLost) return
    const { outgoing, groups } = await this.#report(delivery, parts)
    const messages = [...successors, ...outgoing]
    if (isSettled) await this.#publish(messages, delivery)
    else if (messages.length === 0) await delivery.acknowledge()
    else {
      await delivery.acknowledge(messages)
      this.#tellSent(messages)
    }
    // Somebody else has the message now, and will complete the chord.
    if (!isSettled && delivery.isLost) return
    for (const groupId of groups) await this.#close(groupId)
    for (const { workflowId, part } of begun ? [...used, begun] : used) await this.#forget(workflowId, part)
  }

  /** Puts the message among the dead letters, after what follows is published. */
  async bury(delivery: Delivery, reason: string, { successors = [], parts = [] }: Following): Promise<void> {
    const { outgoing } = await this.#report(delivery, parts)
    await this.#publish([...successors, ...outgoing])
    await delivery.reject({ requeue: false, reason })
  }

  #report({ message }: Delivery, parts: readonly ChordPart[]): ReturnType<Chords['report']> {
    const report = (): ReturnType<Chords['report']> => this.#chords.report(parts)
    return parts.length === 0 ? report() : tracedFollowing(message, report)
  }

  #close(groupId: string): Promise<void> {
    return this.#tidy(
      () => this.#backend.closeGroup(groupId),
      { groupId },
      'The chord {groupId} is over, but its parts are left until they expire',
    )
  }

  #forget(workflowId: string, part: number): Promise<void> {
    return this.#tidy(
      () => this.#backend.useWorkflowPart(workflowId, part),
      { workflowId, part },
      'Part {part} of the workflow {workflowId} is used, but it is left until it expires',
    )
  }

  /** What was to be done is done already, and must not be repeated because this fails. */
  async #tidy(work: () => Promise<unknown>, about: object, whatIsLeft: string): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#app.log.warn({ err: error, ...about }, whatIsLeft)
    }
  }

  async #publish(messages: readonly Outgoing[], after?: Delivery): Promise<void> {
    if (messages.length === 0) return
    if (after?.publishLate) await after.publishLate(messages)
    else await (await this.#app.openBroker()).publish(messages)
    this.#tellSent(messages)
  }

  #tellSent(messages: readonly Outgoing[]): void {
    if (this.#app.config.task.sendSentEvent) this.#app.events.sent(messages)
  }
}
