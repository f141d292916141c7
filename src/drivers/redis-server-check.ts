import { ImproperlyConfigured, OperationalError } from '../errors.ts'

/** What a server says of itself in its reply to HELLO. */
export interface RedisServer {
  readonly version: string
  readonly mode: string
  readonly role: string
}

/** Thrown where a URL of one server leads to a cluster, whose nodes are to be asked then. */
export class ClusterFound extends Error {}

/** The names and values of a HELLO, a flat list in RESP2 and an object in RESP3. */
export function readHello(reply: unknown): RedisServer {
  const fields: Record<string, unknown> = {}
  if (Array.isArray(reply)) {
    for (let index = 0; index < reply.length; index += 2) fields[String(reply[index])] = reply[index + 1]
  } else {
    Object.assign(fields, reply)
  }
  return { version: String(fields['version']), mode: String(fields['mode']), role: String(fields['role']) }
}

const neededVersion = [6, 2] as const

/** Throws unless celeriac can work with this server, ClusterFound for one that is a node where none was expected. */
export function checkServer(server: RedisServer, where: string, prefix: string, isClusterExpected: boolean): void {
  const [major = 0, minor = 0] = server.version.split('.').map(Number)
  if (major < neededVersion[0] || (major === neededVersion[0] && minor < neededVersion[1])) {
    throw new OperationalError(
      `Redis at ${where} has version ${server.version}; ${neededVersion.join('.')} or newer is needed`,
    )
  }
  if (server.mode === 'sentinel') {
    throw new ImproperlyConfigured(
      `Redis at ${where} is a sentinel: use sentinel://${where} and the option master_name`,
    )
  }
  if (server.mode === 'cluster' && !hasHashTag(prefix)) {
    throw new ImproperlyConfigured(
      `Redis at ${where} belongs to a cluster, where all keys must lie in one slot: ` +
        `set global_keyprefix in the transport options to one with a hash tag, such as '{celery}:'; it is '${prefix}'`,
    )
  }
  if (server.mode === 'cluster' && !isClusterExpected) throw new ClusterFound()
  // Not 'replica' alone: forks of Redis say it in other words.
  if (server.role !== 'master' && server.role !== 'primary') {
    throw new OperationalError(`Redis at ${where} is a ${server.role} and takes no writes; the primary is needed`)
  }
}

/** Something between the first brace and the next closing one. */
function hasHashTag(prefix: string): boolean {
  return /^[^{]*\{[^}]+\}/.test(prefix)
}

/** `maxmemory_policy` of an INFO; undefined where it is not told. */
export function evictionPolicy(info: unknown): string | undefined {
  return /^maxmemory_policy:(\S+)/m.exec(String(info))?.[1]
}
