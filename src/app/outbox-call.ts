import type { Message } from '../protocol/message.ts'

/** A call that no relay has sent yet. */
export interface OutboxCall {
  /** The ORM whose database it is in. */
  readonly orm: string
  readonly queue: string
  readonly message: Message
  /** When it was written. */
  readonly since: Date
  /** Not to be run before this time. */
  readonly due: Date | undefined
  /** How many were written before it. */
  readonly ahead: number
  /** A relay sends it now. Undefined where the database does not tell. */
  readonly isHeld: boolean | undefined
}

export interface OutboxSearch {
  readonly found: OutboxCall | undefined
  /** The ORMs whose outbox could not be looked into, and why. */
  readonly unread: readonly { readonly orm: string; readonly error: Error }[]
}
