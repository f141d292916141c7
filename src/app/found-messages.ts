import type { FoundMessage } from '../brokers/broker.ts'
import { deathHeader, type Death, type Message } from '../protocol/message.ts'
import { readTask, type TaskHeaders } from '../protocol/task-message.ts'

/** The newest place of a task that has several messages: what is dead was sent back, what waits is a retry. */
export function mostTelling(found: readonly FoundMessage[]): FoundMessage | undefined {
  const order = ['lent', 'ready', 'deferred'] as const
  const living = found.filter((each) => !deathOf(each))
  return living.toSorted((a, b) => order.indexOf(a.place) - order.indexOf(b.place))[0] ?? found[0]
}

export function deathOf({ message }: FoundMessage): Death | undefined {
  return message.headers[deathHeader] as Death | undefined
}

/** Undefined where they cannot be read. */
export function headersOf(message: Message): TaskHeaders | undefined {
  try {
    // Protocol 1 has them in its body, which may be of any serializer: JSON does for a look.
    return readTask(message, () => JSON.parse(String(message.body)) as unknown).headers
  } catch {
    return undefined
  }
}
