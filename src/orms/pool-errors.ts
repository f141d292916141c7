/** What is needed of the pool, or the connection, of pg. */
interface Emitter {
  on(event: string, listener: (...args: never[]) => void): unknown
}

interface PooledConnection extends Emitter {
  release(isBroken: boolean): void
}

/**
 * A connection of pg that dies emits `error`, in the pool and in a transaction, which ends the process if nobody listens.
 * Nothing is lost by not looking at it: the query that runs fails with it, and the pool connects anew.
 */
export function surviveDeadConnections(client: unknown): void {
  if (!isEmitter(client)) return
  client.on('error', ignore)
  client.on('connect', (connection: unknown) => {
    if (isEmitter(connection)) connection.on('error', ignore)
  })
}

/**
 * Gives connections that die while they are in use back to a pool of pg: who cannot begin a transaction on one may never
 * do so, and the pool would have a place less. Giving one back again does nothing.
 */
export function releaseDeadConnections(pool: unknown): void {
  if (!isEmitter(pool) || !('totalCount' in pool)) return
  const inUse = new WeakSet<object>()
  pool.on('acquire', (connection: PooledConnection) => void inUse.add(connection))
  pool.on('release', (_error: unknown, connection: PooledConnection) => void inUse.delete(connection))
  pool.on('connect', (connection: PooledConnection) => {
    connection.on('end', () => {
      if (!inUse.has(connection)) return
      connection.release(true)
      connection.release = ignore
    })
  })
}

function isEmitter(value: unknown): value is Emitter {
  return typeof value === 'object' && value !== null && 'on' in value && typeof value.on === 'function'
}

function ignore(): void {}
