import type { FromSlot, ToSlot } from './slot-messages.ts'

/** The way to one child: a thread or a process. */
export interface SlotTransport {
  send(message: ToSlot): void
  /** Of the process: its own, or this one for a thread. Undefined if it could not be started. */
  readonly pid: number | undefined
  /** Ends the child now, whatever it does. */
  kill(): void
}

interface SlotTransportOptions {
  readonly name: string
  /** The module that the child runs; it calls `serveSlot`. */
  readonly entry: URL
  readonly onMessage: (message: FromSlot) => void
  /** Called once, after the last message. */
  readonly onExit: (reason: string) => void
}

/** Starts a child. */
export type OpenTransport = (options: SlotTransportOptions) => SlotTransport
