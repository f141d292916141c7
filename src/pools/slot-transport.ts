import type { FromSlot, ToSlot } from './slot-messages.ts'

/** The way to one child: a thread or a process. */
export interface SlotTransport {
  send(message: ToSlot): void
  /** Ends the child now, whatever it does. */
  kill(): void
}

export interface SlotTransportOptions {
  readonly name: string
  /** The module that the child runs; it calls `serveSlot`. */
  readonly entry: URL
  readonly onMessage: (message: FromSlot) => void
  /** Called once, after the last message. */
  readonly onExit: (reason: string) => void
}

/** Starts a child. */
export type OpenTransport = (options: SlotTransportOptions) => SlotTransport

/** Options of Node that a child must not have: its debugger would want the parent's port, and it runs a module of its own. */
const notInherited =
  /^(--inspect|--debug|--test|--watch|--experimental-test|-e$|--eval|-p$|--print|--input-type|-i$|--interactive)/

export function inheritedExecArgv(execArgv: readonly string[] = process.execArgv): string[] {
  return execArgv.filter((option, index) => {
    const before = execArgv[index - 1]
    const isValueOfOther = before !== undefined && /^(-e|--eval|-p|--print)$/.test(before)
    return !notInherited.test(option) && !isValueOfOther
  })
}
