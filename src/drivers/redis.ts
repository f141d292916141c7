import { createHash } from 'node:crypto'
import type { RedisOptions } from './redis-options.ts'

export type RedisArgument = string | Buffer

/** A Lua script and its SHA-1, by which the server knows it. */
export interface RedisScript {
  readonly text: string
  readonly sha: string
}

export function defineScript(text: string): RedisScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

export interface RedisSendOptions {
  /** Texts of the reply come as Buffers, for what may be no UTF-8. Default false: as strings, ill-formed bytes as U+FFFD. */
  readonly asBytes?: boolean
  /** How long the server may hold back the reply on purpose (BLMOVE), in milliseconds. Default 0. */
  readonly blocksMs?: number
}

/**
 * One connection that comes back by itself, with jittered backoff, for ever, until it is disposed of. Replies have the
 * shapes of RESP2: strings, numbers, arrays, null. What is sent in one turn of the event loop travels in one write.
 */
export interface RedisConnection extends AsyncDisposable {
  readonly isReady: boolean
  /**
   * Sent now, never queued for later. Rejects with RedisConnectionLost when there is no connection, or when it breaks or
   * stays silent before the reply (`mayHaveRun` is true then), or when the server is no primary any more (false: it did
   * not run). Rejects with RedisReplyError, which names the command, for an error that the server replied.
   */
  send(args: readonly RedisArgument[], options?: RedisSendOptions): Promise<unknown>
  /** EVALSHA, or EVAL where the server does not know the script. Errors as of `send`. */
  run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
    options?: RedisSendOptions,
  ): Promise<unknown>
  /** MULTI/EXEC around the commands, in one write; their replies. Rejects with the first error, as `send` does. */
  transaction(commands: readonly (readonly RedisArgument[])[], options?: RedisSendOptions): Promise<unknown[]>
  /** Resolves when connected. Rejects with OperationalError after `timeoutMs` (default: never), saying why it could not. */
  ready(timeoutMs?: number): Promise<void>
  /** Called at every later connect. */
  onReady(listener: () => void): Disposable
  /** Called each time a connection is lost. */
  onLost(listener: (reason: Error) => void): Disposable
}

/** Hears the text and the full name of its channel. What it throws becomes an uncaught exception of the process. */
export type RedisMessageListener = (text: string, channel: string) => void

/**
 * What all of one {@link Redis} subscribe to, on one connection, which is opened at the first use. Texts are decoded as
 * UTF-8. After a reconnect everything is subscribed to again; `onResubscribed` is told then, because what was published
 * in between is lost.
 */
export interface RedisSubscriber {
  /**
   * Resolves once the server confirmed all channels; what several ask for is subscribed to once. Whatever was published
   * before the call was told by then, if it is told at all. Waits for a connection that is being restored, and rejects
   * with OperationalError if that takes longer than `socket_timeout`.
   */
  subscribe(
    channels: readonly string[],
    onMessage: RedisMessageListener,
    onResubscribed?: () => void,
  ): Promise<AsyncDisposable>
  /** Resolves when all that was published before the call was told. Errors as of `send`. */
  caughtUp(): Promise<void>
  /** The same as `subscribe` for one glob-style pattern. */
  psubscribe(pattern: string, onMessage: RedisMessageListener, onResubscribed?: () => void): Promise<AsyncDisposable>
}

/** An opened Redis. Names are passed to the server as they are: who has a `prefix` puts it in front of each. */
export interface Redis extends AsyncDisposable {
  /** `global_keyprefix`, or an empty text. */
  readonly prefix: string
  readonly db: number
  /** What it was opened with, and what the URL names after its `?`. */
  readonly options: RedisOptions
  /** Shared and pipelined; for commands that do not block. While idle it does not keep the process alive. */
  readonly commands: RedisConnection
  /** A connection of its own, for blocking commands; it keeps the process alive until it is disposed of. */
  connect(name: string): RedisConnection
  /** Keeps the process alive while anything is subscribed to. */
  readonly subscriber: RedisSubscriber
}
