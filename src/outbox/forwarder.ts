import type { Celeriac } from '../app/app.ts'
import { publishWithin } from '../app/publish-retry.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { DecodeError, OperationalError } from '../errors.ts'
import { decodeEnvelope } from '../protocol/envelope.ts'
import { deadLetterQueue, withDeath, type Message } from '../protocol/message.ts'
import type { OutboxRow } from './outbox-rows.ts'

/** After so many batches in a row that failed, one of their messages may be the reason, whatever the error says. */
const suspiciousFailures = 3

export interface Forwarded {
  /** What the broker has, the messages themselves or their dead letters. */
  readonly done: readonly OutboxRow[]
  /** Why nothing could be sent; undefined if anything was. */
  readonly error: Error | undefined
}

interface Refusal {
  readonly row: OutboxRow
  readonly error: Error
}

/**
 * From rows of an outbox to messages at the broker. A batch goes as a whole; one that the broker refuses is halved until
 * the messages are found that it does not take, so that none holds up those behind it. They become dead letters, or stay
 * in the table where the broker takes not even those.
 */
export class Forwarder {
  readonly #app: Celeriac
  #failures = 0

  constructor(app: Celeriac) {
    this.#app = app
  }

  async forward(rows: readonly OutboxRow[], withinMs: number): Promise<Forwarded> {
    const giveUpAt = performance.now() + withinMs
    const refusals: Refusal[] = []
    const published = await this.#publish(rows, refusals, giveUpAt)
    const buried: OutboxRow[] = []
    for (const { row, error } of refusals) {
      if (!(error instanceof OperationalError) && (await this.#bury(row, error, giveUpAt))) buried.push(row)
    }
    const done = [...published, ...buried]
    this.#failures = done.length > 0 ? 0 : this.#failures + 1
    return { done, error: done.length > 0 ? undefined : refusals[0]?.error }
  }

  /** The rows that went; the others are added to `refusals`. */
  async #publish(rows: readonly OutboxRow[], refusals: Refusal[], giveUpAt: number): Promise<readonly OutboxRow[]> {
    try {
      await this.#send(
        rows.map((row) => outgoingOf(row)),
        giveUpAt,
      )
      return rows
    } catch (cause) {
      const error = asError(cause)
      const mayBeOne = !(error instanceof OperationalError) || this.#failures >= suspiciousFailures
      if (rows.length === 1 || !mayBeOne || performance.now() > giveUpAt) {
        refusals.push(...rows.map((row) => ({ row, error })))
        return []
      }
      const middle = rows.length >> 1
      const first = await this.#publish(rows.slice(0, middle), refusals, giveUpAt)
      return [...first, ...(await this.#publish(rows.slice(middle), refusals, giveUpAt))]
    }
  }

  /** Among the dead letters of the default queue: the row's own queue may be what the broker refuses. */
  async #bury(row: OutboxRow, error: Error, giveUpAt: number): Promise<boolean> {
    const { log, config } = this.#app
    const reason = `The broker refused it: ${error.message}`
    try {
      await this.#send([deadLetter(row, reason, config.task.defaultQueue)], giveUpAt)
    } catch (cause) {
      log.error({ err: cause, id: row['id'], reason }, 'Row {id} of the outbox cannot be sent, and stays')
      return false
    }
    log.error(
      { id: row['id'], queue: row['queue'], reason },
      'Row {id} of the outbox is among the dead letters: {reason}',
    )
    return true
  }

  #send(messages: readonly Outgoing[], giveUpAt: number): Promise<void> {
    const timeoutMs = Math.max(1, giveUpAt - performance.now())
    return publishWithin(() => this.#app.openBroker(), messages, { timeoutMs, retry: false, policy: undefined })
  }
}

/** A row that cannot be read goes among the dead letters of its queue: it must not hold up those behind it. */
function outgoingOf(row: OutboxRow): Outgoing {
  const queue = String(row['queue'])
  const due = row['due']
  try {
    const { message } = decodeEnvelope(String(row['message']))
    return due === null || due === undefined ? { message, queue } : { message, queue, deliverAt: dateOf(due) }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return deadLetter(row, `A row of the outbox cannot be read: ${error.message}`, queue)
  }
}

function dateOf(due: unknown): Date {
  const date = new Date(Number(due))
  if (Number.isNaN(date.getTime())) throw new DecodeError(`due must be milliseconds since 1970, got ${String(due)}`)
  return date
}

function deadLetter(row: OutboxRow, reason: string, near: string): Outgoing {
  const queue = String(row['queue'])
  const death = { reason, queue, at: new Date().toISOString(), deliveries: 0 }
  return { message: withDeath(messageOf(String(row['message'])), death), queue: deadLetterQueue(near) }
}

/** The message if it can be read, so that it can be sent again, else its text. */
function messageOf(text: string): Message {
  try {
    return decodeEnvelope(text).message
  } catch {
    return { headers: {}, properties: {}, contentType: 'application/json', contentEncoding: 'utf-8', body: text }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
