import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ImproperlyConfigured, OperationalError } from '../errors.ts'
import type { WorkerHealth } from './readiness.ts'

/** A port, or host and port: `8080`, `'127.0.0.1:8080'`, `'[::1]:8080'`. A port alone is on all addresses. */
export type HealthAddress = number | string

export interface HealthServer extends AsyncDisposable {
  /** The one it got, where 0 was asked for. */
  readonly port: number
}

/** What a scrape gets. */
export interface MetricsPage {
  readonly contentType: string
  readonly text: string
}

/** Undefined where the package that makes them is not installed. */
type GiveMetrics = () => Promise<MetricsPage> | undefined

/**
 * Answers the probes of a supervisor: `/live` is 200 as long as the process answers, `/metrics` is for Prometheus, `/ready`
 * (and any other path) is 200 or 503, with the health as JSON. Throws ImproperlyConfigured for an address that is none,
 * OperationalError for one that cannot be had.
 */
export async function openHealthServer(
  address: HealthAddress,
  health: () => WorkerHealth,
  metrics: GiveMetrics = () => undefined,
): Promise<HealthServer> {
  const where = parseAddress(address)
  // Imported as a module it would bring HTTP/2 and undici along: 20 ms of the start of every worker and slot.
  const { createServer } = process.getBuiltinModule('node:http')
  const server = createServer((request, response) => {
    if (/^\/metrics(\?|$)/.test(request.url ?? '')) return void answerMetrics(request, response, metrics)
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

async function answerMetrics(
  { method }: IncomingMessage,
  response: ServerResponse,
  metrics: GiveMetrics,
): Promise<void> {
  const answer = (status: number, contentType: string, text: string): void => {
    response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store', connection: 'close' })
    response.end(method === 'HEAD' ? undefined : text)
  }
  try {
    const page = await metrics()
    if (page) answer(200, page.contentType, page.text)
    else answer(404, 'text/plain', 'Metrics need the package prom-client, which is not installed: npm i prom-client\n')
  } catch (error) {
    answer(500, 'text/plain', `The metrics cannot be told: ${error instanceof Error ? error.message : String(error)}\n`)
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
