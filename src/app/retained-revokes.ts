import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Broker } from '../brokers/broker.ts'
import { decodeControlRequest } from '../protocol/control-message.ts'

/** Whether workers that start now would hear that a task is revoked. */
export async function isRevokeRetained(broker: Broker, taskId: string): Promise<boolean> {
  let isRevoked = false
  await using _ = await broker.listen('control', (message) => {
    const request = decodeControlRequest(message)
    if (request?.method !== 'revoke') return
    const { task_id: given } = request.arguments
    if ((Array.isArray(given) ? given : [given]).includes(taskId)) isRevoked = true
  })
  // Listeners hear what is retained in the turn after they came.
  await nextTurn()
  await nextTurn()
  return isRevoked
}
