import { inspect } from 'node:util'
import { OperationalError } from '../errors.ts'
import type { Outcome } from './pool.ts'
import { RunningAttempt, type SlotAttempt } from './slot-attempt.ts'
import type { SlotAnswer, SlotJob, SlotLog, ToSlot } from './slot-messages.ts'
import { openParentLine, type ParentLine } from './slot-parent.ts'

export type { SlotAttempt } from './slot-attempt.ts'
export type { SlotJob, SlotLog } from './slot-messages.ts'

/** What the child of a slot has loaded. */
export interface SlotBody {
  /** One attempt. Never rejects. */
  execute(job: SlotJob, attempt: SlotAttempt): Promise<Outcome>
  /** Closes what is open. */
  close(): Promise<void>
}

/** What the child may say to its parent besides its answers. */
export interface SlotVoice {
  readonly name: string
  log(line: SlotLog): void
  /** Tells the parent's worker something by its name. */
  note(note: string): void
  /** Ends the child and says why: what runs in it is lost. */
  die(reason: string): void
}

/** Serves the parent from a thread or process that it started. Loads first; runs one body at a time. */
export function serveSlot(load: (setup: unknown, voice: SlotVoice) => Promise<SlotBody>): void {
  const line = openParentLine()
  let server: SlotServer | undefined
  line.listen((message) => {
    if (message.kind === 'setup') server = new SlotServer(line, message, load)
    else server?.heed(message)
  })
}

class SlotServer {
  readonly #line: ParentLine
  readonly #tellsMemory: boolean
  #body: SlotBody | undefined
  readonly #queue: RunningAttempt[] = []
  #isRunning = false
  readonly #calls = new Map<number, PromiseWithResolvers<void>>()
  #lastCall = 0

  constructor(
    line: ParentLine,
    { name, setup, tellsMemory }: Extract<ToSlot, { kind: 'setup' }>,
    load: (setup: unknown, voice: SlotVoice) => Promise<SlotBody>,
  ) {
    this.#line = line
    this.#tellsMemory = tellsMemory
    const voice: SlotVoice = {
      name,
      log: (each) => line.send({ kind: 'log', line: each }),
      note: (note) => line.send({ kind: 'note', note }),
      die: (reason) => line.end({ kind: 'fatal', reason }),
    }
    load(setup, voice).then(
      (body) => {
        this.#body = body
        line.send({ kind: 'ready' })
        line.watchParent()
      },
      (error: unknown) => line.end({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
    )
  }

  heed(message: Exclude<ToSlot, { kind: 'setup' }>): void {
    switch (message.kind) {
      case 'run':
        for (const job of message.jobs) this.#queue.push(new RunningAttempt(job, this.#ask))
        if (!this.#isRunning) void this.#run()
        return
      case 'cancel':
        return this.#queue.find(({ job }) => job.number === message.number)?.cancel(message.reason)
      case 'stored': {
        const call = this.#calls.get(message.call)
        this.#calls.delete(message.call)
        if (!message.error) return call?.resolve()
        const { message: text, isOperational } = message.error
        return call?.reject(isOperational ? new OperationalError(text) : new Error(text))
      }
      case 'stop':
        void this.#close()
    }
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (let attempt = this.#queue[0]; attempt; attempt = this.#queue[0]) {
      this.#answer(attempt, await this.#outcome(attempt))
      this.#queue.shift()
    }
    this.#isRunning = false
  }

  #outcome(attempt: RunningAttempt): Promise<Outcome> | Outcome {
    const body = this.#body
    if (attempt.cancelled || !body) return { kind: 'cancelled', runtimeMs: 0, reason: attempt.cancelled ?? 'shutdown' }
    attempt.begin()
    return body.execute(attempt.job, attempt)
  }

  #answer(attempt: RunningAttempt, outcome: Outcome): void {
    attempt.bodyEnded()
    const memoryBytes = this.#tellsMemory ? this.#line.memoryBytes() : undefined
    const answer: SlotAnswer = {
      kind: 'ended',
      number: attempt.job.number,
      outcome,
      states: attempt.lastStates,
      memoryBytes,
    }
    try {
      this.#line.send(answer)
    } catch {
      // A value that cannot cross, such as a function among the details of an error.
      this.#line.send({ ...answer, outcome: withPlainError(outcome) })
    }
  }

  /** Resolves when the parent has stored the state, or without one, if the body is still accepted. */
  readonly #ask = (number: number, state?: string): Promise<void> => {
    const answer = Promise.withResolvers<void>()
    const call = ++this.#lastCall
    this.#calls.set(call, answer)
    this.#line.send(state === undefined ? { kind: 'confirm', number, call } : { kind: 'store', number, call, state })
    return answer.promise
  }

  async #close(): Promise<void> {
    try {
      await this.#body?.close()
    } catch (error) {
      const fields = { reason: error instanceof Error ? error.message : String(error) }
      this.#line.send({ kind: 'log', line: { level: 'warn', fields, message: 'A slot did not close well: {reason}' } })
    }
    this.#line.end()
  }
}

function withPlainError(outcome: Outcome): Outcome {
  if (!('error' in outcome) || !outcome.error) return outcome
  const details = outcome.error.details.map((detail) => (typeof detail === 'string' ? detail : inspect(detail)))
  return { ...outcome, error: { ...outcome.error, details } }
}
