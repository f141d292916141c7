import type { RedisConnection } from './redis.ts'
import { RedisReplyError } from './redis-errors.ts'

/**
 * Runs scripts in one session. EVAL at the first time, which makes the server know the script, then EVALSHA. So scripts
 * keep their order among other commands also where the server does not know them; only SCRIPT FLUSH takes that away for a
 * moment.
 */
export class SessionScripts {
  readonly #send: RedisConnection['send']
  /** The server knows them. */
  readonly #known = new Set<string>()

  constructor(send: RedisConnection['send']) {
    this.#send = send
  }

  readonly run: RedisConnection['run'] = (script, keys, args, options) => {
    const rest = [String(keys.length), ...keys, ...args]
    const evaluate = (): Promise<unknown> => this.#send(['EVAL', script.text, ...rest], options)
    if (!this.#known.has(script.sha)) {
      this.#known.add(script.sha)
      return evaluate()
    }
    return this.#send(['EVALSHA', script.sha, ...rest], options).catch((error: unknown) => {
      if (!(error instanceof RedisReplyError) || !error.reply.startsWith('NOSCRIPT')) throw error
      return evaluate()
    })
  }
}
