/** What is needed of the pool, or the connection, of pg. */
interface Emitter {
  on(event: string, listener: (connection: unknown) => void): unknown
}

/**
 * A connection of pg that dies emits `error`, in the pool and in a transaction, which ends the process if nobody listens.
 * Nothing is lost by not looking at it: the query that runs fails with it, and the pool connects anew.
 */
export function surviveDeadConnections(client: unknown): void {
  if (!isEmitter(client)) return
  client.on('error', ignore)
  client.on('connect', (connection) => {
    if (isEmitter(connection)) connection.on('error', ignore)
  })
}

function isEmitter(value: unknown): value is Emitter {
  return typeof value === 'object' && value !== null && 'on' in value && typeof value.on === 'function'
}

function ignore(): void {}
