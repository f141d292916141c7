import { eventHead, eventPrefix, type Pieces, type WriteFields } from '../protocol/event-message.ts'

/** A list is closed above it: some 250 events. Larger texts save nothing more, and are slow to handle. Characters. */
const fullList = 64 * 1024

/** What happened, before it is written. */
export interface EventToWrite {
  readonly type: string
  readonly clock: number
  readonly timestampMs: number
  readonly write: WriteFields<never, never>
  readonly subject: unknown
  readonly more: unknown
}

/** Writes the events of one sender as JSON. */
export class EventWriter {
  readonly #hostname: string
  #prefix = ''
  #prefixAtMs = 0
  /** By their type, of the events of one millisecond: there are many. */
  readonly #heads = new Map<string, string>()
  #headsMs = 0

  constructor(hostname: string) {
    this.#hostname = hostname
  }

  /** One event as an object. */
  object(event: EventToWrite): string {
    const pieces = ['{']
    this.#write(pieces, event)
    pieces.push('}')
    return pieces.join('')
  }

  /** Events as lists, of which none is much too long for a message. */
  *lists(events: readonly EventToWrite[]): Generator<string> {
    let pieces: Pieces = []
    let length = 0
    for (const event of events) {
      const from = pieces.length
      pieces.push(from === 0 ? '[{' : '},{')
      this.#write(pieces, event)
      for (let index = from; index < pieces.length; index++) length += (pieces[index] as string).length
      if (length < fullList) continue
      yield listOf(pieces)
      pieces = []
      length = 0
    }
    if (length > 0) yield listOf(pieces)
  }

  #write(into: Pieces, { type, clock, timestampMs, write, subject, more }: EventToWrite): void {
    into.push(this.#headOf(type, timestampMs), String(clock))
    ;(write as WriteFields<unknown, unknown>)(into, subject, more)
  }

  #headOf(type: string, ms: number): string {
    if (ms !== this.#headsMs) this.#heads.clear()
    this.#headsMs = ms
    const known = this.#heads.get(type)
    if (known !== undefined) return known
    const head = eventHead(this.#prefixAt(ms), type, ms)
    this.#heads.set(type, head)
    return head
  }

  /** Summer time comes and goes. */
  #prefixAt(nowMs: number): string {
    if (Math.abs(nowMs - this.#prefixAtMs) < 60_000) return this.#prefix
    this.#prefixAtMs = nowMs
    return (this.#prefix = eventPrefix(this.#hostname, process.pid))
  }
}

function listOf(pieces: Pieces): string {
  pieces.push('}]')
  return pieces.join('')
}
