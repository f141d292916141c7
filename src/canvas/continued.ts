import type { Outgoing } from '../brokers/broker.ts'

/** Leaves the body of a task that has no result of its own: the messages are published with its acknowledgement. */
export class Continued extends Error {
  readonly outgoing: readonly Outgoing[]

  constructor(outgoing: readonly Outgoing[]) {
    super('continued')
    this.outgoing = outgoing
  }
}
