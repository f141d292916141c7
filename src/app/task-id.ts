import crypto from 'node:crypto'

const { randomUUIDv7 } = crypto as { randomUUIDv7?: () => string }

/** A UUID. Version 7 where Node has it: ids that grow keep the index of a result store compact. */
export const newTaskId: () => string = randomUUIDv7 ?? crypto.randomUUID
