import type { LogLevel } from '../util/logger.ts'
import type { CancelReason, Job, Outcome } from './pool.ts'

/** A job on its way to a slot: the child reads the headers of the message itself, so that they stay as they came. */
export interface SlotJob extends Omit<Job, 'headers' | 'protocol'> {
  /** Counts up in each slot; answers come in this order. */
  readonly number: number
}

/** A line of the child, written by the parent's logger. */
export interface SlotLog {
  readonly level: LogLevel
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** What a parent says to the child of a slot. */
export type ToSlot =
  /** The first message: what the child needs to load. */
  | { readonly kind: 'setup'; readonly name: string; readonly setup: unknown; readonly tellsMemory: boolean }
  /** They run one after the other, after those that came before. */
  | { readonly kind: 'run'; readonly jobs: readonly SlotJob[] }
  | { readonly kind: 'cancel'; readonly number: number; readonly reason: CancelReason }
  /** The answer to `store` and `confirm`. */
  | { readonly kind: 'stored'; readonly call: number; readonly error: SlotError | undefined }
  /** Close what is open, then end. */
  | { readonly kind: 'stop' }

/** What a child says. */
export type FromSlot =
  | { readonly kind: 'ready' }
  /** The child could not load, and ends. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** A state that the body stores while it runs; answered by `stored`. */
  | { readonly kind: 'store'; readonly number: number; readonly call: number; readonly state: string }
  /** Would be accepted what the body has done? Answered by `stored`. */
  | { readonly kind: 'confirm'; readonly number: number; readonly call: number }
  | SlotAnswer
  | { readonly kind: 'log'; readonly line: SlotLog }
  /** Something for the parent's worker, by name. */
  | { readonly kind: 'note'; readonly note: string }
  /** The child ends because of this. */
  | { readonly kind: 'fatal'; readonly reason: string }

export interface SlotAnswer {
  readonly kind: 'ended'
  readonly number: number
  readonly outcome: Outcome
  /** What is to be stored if the parent accepts the outcome, in this order. */
  readonly states: readonly string[] | undefined
  /** Of the process, or the heap of the thread; only where a limit is set. */
  readonly memoryBytes: number | undefined
}

/** An error as it crosses: the child throws it again where the body waits. */
export interface SlotError {
  readonly message: string
  /** The store is away; not the fault of what was stored. */
  readonly isOperational: boolean
}
