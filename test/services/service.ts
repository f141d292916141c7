import { askKeeper, folderVariable, startKeeper } from './keeper-client.ts'
import type { KeeperReply, KeeperRequest } from './keeper-messages.ts'
import type { ServerSettings, ServiceName } from './server-kind.ts'

export interface Service {
  readonly name: ServiceName
  readonly url: string
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** Of a server that we started; a URL from the environment has none. */
  readonly pid?: number
}

/** A server that one test file has for itself, to stop and start as it likes. */
export interface PrivateServer extends Service, AsyncDisposable {
  /** Of the process that runs now: it changes with each start. */
  readonly pid: number
  /** Where its files lie. */
  readonly folder: string
  stop(): Promise<void>
  start(): Promise<void>
  restart(): Promise<void>
}

/** Why a service cannot be had here. */
export interface Missing {
  readonly missing: string
}

let own: Promise<string> | undefined

function ask(message: KeeperRequest): Promise<KeeperReply> {
  own ??= Promise.resolve(process.env[folderVariable] ?? startKeeper())
  return own.then((folder) => askKeeper(folder, message))
}

/**
 * The server that all test files of the run share, started when the first asks: the URL in the environment
 * (CELERIAC_TEST_POSTGRES_URL, …_MYSQL_URL, …_REDIS_URL, …_AMQP_URL), or one of our own.
 */
export async function service(name: ServiceName): Promise<Service | Missing> {
  const reply = await ask({ action: 'shared', name })
  if ('url' in reply) return described(name, reply)
  return missing(name, reply)
}

/** A server that nobody else uses, on this machine whatever the environment says. */
export async function privateServer(
  name: ServiceName,
  settings: ServerSettings = {},
): Promise<PrivateServer | Missing> {
  let reply = await ask({ action: 'private', name, settings })
  if (!('url' in reply)) return missing(name, reply)
  const { id } = reply
  const now = async (action: 'stop' | 'start' | 'restart'): Promise<void> => {
    const answer = await ask({ action, id })
    if ('url' in answer) reply = answer
  }
  return {
    ...described(name, reply),
    folder: reply.folder ?? '',
    get pid() {
      return ('pid' in reply && reply.pid) || 0
    },
    stop: () => now('stop'),
    start: () => now('start'),
    restart: () => now('restart'),
    [Symbol.asyncDispose]: () => now('stop'),
  }
}

/** Has the end of the run say what could not be had. */
export async function reportMissing(name: string, reason: string): Promise<Missing> {
  await ask({ action: 'missing', name, reason })
  return { missing: `${name}: ${reason}` }
}

/** The value for `skip` of `describe`: `false`, or the reason. */
export function skipIfMissing(service: object | Missing): string | false {
  return 'missing' in service ? String(service.missing) : false
}

function described(name: ServiceName, { url, pid }: { readonly url: string; readonly pid?: number }): Service {
  const { hostname, port, username, password } = new URL(url)
  const account = { user: decodeURIComponent(username), password: decodeURIComponent(password) }
  return { name, url, host: hostname, port: Number(port), ...account, ...(pid !== undefined && { pid }) }
}

function missing(name: ServiceName, reply: KeeperReply): Missing {
  const reason = 'skipped' in reply ? reply.skipped : 'the keeper did not understand'
  return { missing: `${name}: ${reason}` }
}
