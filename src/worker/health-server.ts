import type { AddressInfo } from 'node:net'
import { ImproperlyConfigured, OperationalError } from '../errors.ts'
import type { WorkerHealth } from './readiness.ts'

/** A port, or host and port: `8080`, `'127.0.0.1:8080'`, `'[::1]:8080'`. A port alone is on all addresses. */
export type HealthAddress = number | string

export interface HealthServer extends AsyncDisposable {
  /** The one it got, where 0 was asked for. */
  readonly port: number
}

/**
 * Answers the probes of a supervisor: `/live` is 200 as long as the process answers, `/ready` (and any other path) is
 * 200 or 503, with the health as JSON. Throws ImproperlyConfigured for an address that is none, OperationalError for one
 * that cannot be had.
 */
export async function openHealthServer(address: HealthAddress, health: () => WorkerHealth): Promise<HealthServer> {
  const where = parseAddress(address)
  // Imported as a module it would bring HTTP/2 and undici along: 20 ms of the start of every worker and slot.
  const { createServer } = process.getBuiltinModule('node:http')
  const server = createServer((request, response) => {
    const isLive = request.url === '/live'
    const state = health()
    response.writeHead(isLive || state.isReady ? 200 : 503, {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      connection: 'close',
    })
    response.end(request.method === 'HEAD' ? undefined : `${JSON.stringify(isLive ? { isLive } : state)}\n`)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(unavailable(address, cause)))
    server.listen(where, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function parseAddress(address: HealthAddress): { readonly host?: string; readonly port: number } {
  const match = /^(?:(.+):)?(\d{1,5})$/.exec(String(address))
  const port = Number(match?.[2])
  if (!match || port > 65_535) {
    throw new ImproperlyConfigured(
      `The health port must be a port or host:port such as 8080 or 127.0.0.1:8080, got '${address}'`,
    )
  }
  const host = match[1]?.replace(/^\[(.*)\]$/, '$1')
  return host === undefined ? { port } : { host, port }
}

function unavailable(address: HealthAddress, cause: Error): OperationalError {
  return new OperationalError(`The health port ${address} cannot be listened on: ${cause.message}`, { cause })
}
