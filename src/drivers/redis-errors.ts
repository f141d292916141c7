import { ConnectionLost, OperationalError } from '../errors.ts'

/** Thrown for a command without a reply, because there is no connection to Redis or no longer one. */
export class RedisConnectionLost extends ConnectionLost {
  /** The command was sent: nothing tells whether it ran. */
  readonly mayHaveRun: boolean

  constructor(message: string, options: ErrorOptions & { readonly mayHaveRun: boolean }) {
    super(message, options)
    this.mayHaveRun = options.mayHaveRun
  }
}

/** Thrown for an error that Redis replied; `reply` is its text, which begins with a code such as WRONGTYPE. */
export class RedisReplyError extends OperationalError {
  readonly reply: string

  constructor(message: string, reply: string, options: ErrorOptions) {
    super(message, options)
    this.reply = reply
  }
}

/**
 * Replies by which a server says that it is not, or not now, the one to ask: a primary without its replicas
 * (NOREPLICAS) may have been replaced. Nothing ran. Redis 6.2 puts the reply to a
 * command of a script into a text of its own.
 */
const outOfService = /(?:^|: -)(READONLY|MOVED|ASK|LOADING|BUSY|CLUSTERDOWN|MASTERDOWN|NOREPLICAS|TRYAGAIN|UNBLOCKED)\b/

export function isOutOfService(reply: string): boolean {
  return outOfService.test(reply)
}

/** Replies by which a server refuses to write for want of memory or disk. Nothing ran; there may be room later. */
const withoutRoom = /(?:^|: -)(OOM|MISCONF)\b/

export function isWithoutRoom(error: unknown): boolean {
  return error instanceof RedisReplyError && withoutRoom.test(error.reply)
}

const remedies: readonly (readonly [RegExp, string])[] = [
  [/^NOAUTH|Authentication required/, 'give the password in the URL: redis://:password@host'],
  [/^WRONGPASS|^ERR invalid password/, 'check user and password in the URL'],
  [/without any password configured/, 'take the password out of the URL, or set one on the server (requirepass)'],
  [
    /DB index is out of range/,
    'the server has fewer databases (16 by default): check the number at the end of the URL',
  ],
  [/SELECT is not allowed in cluster mode/, 'a cluster has the database 0 only: end the URL with /0'],
  [/^NOPERM/, 'the ACL of this user forbids it: docs/redis.md lists what is needed'],
  [/(?:^|: -)OOM\b/, 'the memory limit of the server (maxmemory) is reached: raise it, or let results expire sooner'],
  [/(?:^|: -)MISCONF\b/, 'the server cannot save to its disk and refuses writes: look into its log'],
]

/** `Redis at 127.0.0.1:6379: GET failed: WRONGTYPE …; what to do`. */
export function explainReply(where: string, command: string, error: Error): RedisReplyError {
  const remedy = remedies.find(([pattern]) => pattern.test(error.message))?.[1]
  const text = `Redis at ${where}: ${command} failed: ${error.message}${remedy ? `; ${remedy}` : ''}`
  return new RedisReplyError(text, error.message, { cause: error })
}

/** For a command that was sent; the connection ended for `reason`. */
export function lostBeforeReply(where: string, command: unknown, reason: Error | undefined): RedisConnectionLost {
  return new RedisConnectionLost(
    `Redis at ${where}: the connection was lost (${describeReason(reason)}) before ${String(command)} was answered; it may have run`,
    { mayHaveRun: true, cause: reason },
  )
}

/** For a command that was not sent, or was refused by a server that is not the one to ask. */
export function notSent(where: string, command: unknown, reason: Error | undefined): RedisConnectionLost {
  return new RedisConnectionLost(
    `Redis at ${where}: ${String(command)} did not run, there is no connection (${describeReason(reason)})`,
    { mayHaveRun: false, cause: reason },
  )
}

/** Why no connection came about or one ended, in words. An AggregateError of node:net has no message of its own. */
export function describeReason(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describeReason).join(', ')
  return error instanceof Error ? error.message : String(error)
}
