// Imported as a module it would load all of Web Crypto too.
const crypto = process.getBuiltinModule('node:crypto')
const { randomUUIDv7 } = crypto as { randomUUIDv7?: () => string }

/** A UUID. Version 7 where Node has it: ids that grow keep the index of a result store compact. */
export const newTaskId: () => string = randomUUIDv7 ?? crypto.randomUUID

/** When a task id was made, if it is a UUID of version 7: its first 48 bits are the sender's clock. */
export function taskIdTime(taskId: string): Date | undefined {
  if (taskId.length !== 36 || taskId[14] !== '7') return undefined
  const ms = Number.parseInt(taskId.slice(0, 8) + taskId.slice(9, 13), 16)
  return Number.isNaN(ms) ? undefined : new Date(ms)
}
