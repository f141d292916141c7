import type { Celeriac } from '../app/app.ts'
import type { OutboxCall, OutboxSearch } from '../app/outbox-call.ts'
import { DecodeError } from '../errors.ts'
import { decodeEnvelope } from '../protocol/envelope.ts'
import type { Message } from '../protocol/message.ts'
import type { OutboxRow } from './outbox-rows.ts'
import { OutboxRelay } from './relay.ts'

/** Looks for the call of a task in every outbox of the app, without holding up relays or those who write. */
export async function findInOutboxes(app: Celeriac, taskId: string): Promise<OutboxSearch> {
  const searches = OutboxRelay.of(app).map(async (relay) => {
    using each = relay
    try {
      const rows = await each.find(taskPattern(taskId))
      return { found: rows.flatMap((row) => callOf(each.name, row, taskId))[0], unread: [] }
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      return { found: undefined, unread: [{ orm: each.name, error }] }
    }
  })
  const results = await Promise.all(searches)
  return {
    found: results.find(({ found }) => found !== undefined)?.found,
    unread: results.flatMap(({ unread }) => unread),
  }
}

/** For LIKE. It may fit others too: whatever an id holds, nothing in it has to be escaped. */
function taskPattern(taskId: string): string {
  return `%"id":"${taskId.replace(/[^\w.:-]+/g, '%')}"%`
}

function callOf(orm: string, row: OutboxRow, taskId: string): OutboxCall[] {
  const message = readMessage(String(row['message']))
  if (message?.headers['id'] !== taskId) return []
  const { due, held } = row
  const call = {
    orm,
    queue: String(row['queue']),
    message,
    since: new Date(Number(row['created'])),
    due: due === null || due === undefined ? undefined : new Date(Number(due)),
    ahead: Number(row['ahead']),
    isHeld: held === null || held === undefined ? undefined : Number(held) === 1,
  }
  return [call]
}

/** Undefined for a row that cannot be read. */
function readMessage(text: string): Message | undefined {
  try {
    return decodeEnvelope(text).message
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
