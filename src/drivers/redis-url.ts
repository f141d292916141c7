import { ImproperlyConfigured } from '../errors.ts'

export interface RedisAddress {
  readonly host: string
  readonly port: number
}

/** What a Redis URL says. */
export interface RedisLocation {
  readonly kind: 'server' | 'socket' | 'sentinel' | 'cluster'
  /** The server, the sentinels, or some nodes of the cluster; none for a socket. */
  readonly addresses: readonly RedisAddress[]
  /** Of a Unix socket. */
  readonly path: string | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number
  readonly hasTls: boolean
  /** After the `?`, decoded, without what is a part of the above. */
  readonly query: ReadonlyMap<string, string>
}

const kinds: ReadonlyMap<string, Pick<RedisLocation, 'kind' | 'hasTls'>> = new Map<
  string,
  Pick<RedisLocation, 'kind' | 'hasTls'>
>([
  ['redis', { kind: 'server', hasTls: false }],
  ['rediss', { kind: 'server', hasTls: true }],
  ['redis+socket', { kind: 'socket', hasTls: false }],
  ['socket', { kind: 'socket', hasTls: false }],
  ['sentinel', { kind: 'sentinel', hasTls: false }],
  ['redis+sentinel', { kind: 'sentinel', hasTls: false }],
  ['redis+cluster', { kind: 'cluster', hasTls: false }],
  ['rediss+cluster', { kind: 'cluster', hasTls: true }],
])

/** The scheme of a URL that {@link parseRedisUrl} reads, in small letters. */
export function isRedisScheme(scheme: string): boolean {
  return kinds.has(scheme)
}

const defaultPorts = { server: 6379, socket: 0, sentinel: 26_379, cluster: 6379 } as const

/**
 * `redis://[user:password@]host[:6379][/db]`, `rediss://…` with TLS, `redis+socket:///path?virtual_host=db`,
 * `sentinel://h1:26379;sentinel://h2:26379/db`, `redis+cluster://h1:6379;h2:6379`. Throws ImproperlyConfigured, without
 * the password, for what is none of them.
 */
export function parseRedisUrl(url: string): RedisLocation {
  const parts = url.split(';').filter((part) => part.trim() !== '')
  const scheme = /^([a-z+]+):/i.exec(url)?.[1]?.toLowerCase() ?? ''
  const kind = kinds.get(scheme)
  if (!kind) throw new ImproperlyConfigured(`Expected a URL like redis://localhost:6379/0, got the scheme '${scheme}'`)
  const read = parts.map((part) => readPart(part.trim(), scheme, kind.kind))
  if (read.length > 1 && kind.kind !== 'sentinel' && kind.kind !== 'cluster') {
    throw new ImproperlyConfigured(
      `The Redis URL names ${read.length} servers; several are for sentinel:// and redis+cluster:// only`,
    )
  }
  const db = read.findLast((part) => part.db !== undefined)?.db ?? 0
  if (kind.kind === 'cluster' && db !== 0) {
    throw new ImproperlyConfigured(`A Redis Cluster has the database 0 only, the URL names ${db}`)
  }
  return {
    ...kind,
    addresses: read.flatMap(({ address }) => address ?? []),
    path: read[0]?.path,
    username: read.find((part) => part.username)?.username,
    password: read.find((part) => part.password)?.password,
    db,
    query: new Map(read.flatMap((part) => [...part.query])),
  }
}

interface Part {
  readonly address: RedisAddress | undefined
  readonly path: string | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number | undefined
  readonly query: Map<string, string>
}

/** As Python reads it: the authority ends at the first of / ? #, and the user at the last @ of it. */
function readPart(text: string, scheme: string, kind: RedisLocation['kind']): Part {
  const match = /^(?:[a-z+]+:\/\/)?([^/?#]*)([^?#]*)(?:\?([^#]*))?$/i.exec(text)
  if (!match) throw malformed(scheme, "a '#' must be written %23")
  const [, authority = '', path = '', query = ''] = match
  const at = authority.lastIndexOf('@')
  const [username, password] = readUser(authority.slice(0, Math.max(at, 0)), scheme)
  const options = new Map(new URLSearchParams(query))
  const host = authority.slice(at + 1)
  if (kind === 'socket') {
    if (path.length < 2) throw malformed(scheme, `no path, expected ${scheme}:///path/to/redis.sock?virtual_host=0`)
    const db = options.get('virtual_host') ?? options.get('db')
    for (const name of ['virtual_host', 'db']) options.delete(name)
    return {
      address: undefined,
      path: decode((host ? `/${host}` : '') + path, scheme),
      username,
      password,
      db: db === undefined ? undefined : readDb(db, scheme),
      query: options,
    }
  }
  const db = path.replace(/^\//, '') || options.get('db') || options.get('virtual_host')
  for (const name of ['virtual_host', 'db']) options.delete(name)
  return {
    address: readAddress(host, scheme, defaultPorts[kind]),
    path: undefined,
    username,
    password,
    db: db ? readDb(db, scheme) : undefined,
    query: options,
  }
}

function readUser(text: string, scheme: string): [string | undefined, string | undefined] {
  const colon = text.indexOf(':')
  if (colon === -1) return [text === '' ? undefined : decode(text, scheme), undefined]
  return [decode(text.slice(0, colon), scheme) || undefined, decode(text.slice(colon + 1), scheme) || undefined]
}

function readAddress(text: string, scheme: string, defaultPort: number): RedisAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(text)
  const port = Number(match?.[3] || defaultPort)
  if (!match || port > 65_535) {
    throw malformed(scheme, "expected host:port; write '/', '?', '#' and '@' of a password as %2F, %3F, %23 and %40")
  }
  return { host: match[1] ?? (match[2] || 'localhost'), port }
}

function readDb(text: string, scheme: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw malformed(scheme, `the database must be a number such as /0; '/' in a password is written %2F`)
  }
  return Number(text)
}

function decode(text: string, scheme: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw malformed(scheme, "a '%' that starts no character: write '%' as %25", error)
  }
}

/** Without the URL, in which a password may be anywhere when it is malformed. */
function malformed(scheme: string, problem: string, cause?: unknown): ImproperlyConfigured {
  return new ImproperlyConfigured(`The ${scheme}:// URL is malformed: ${problem}`, { cause })
}
