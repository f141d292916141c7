import type { RemoteError } from '../protocol/remote-error.ts'
import type { Task } from './task.ts'

/** What stands in the place of a secret. */
const masked = '***'

/** Texts shorter than this are too common to be looked for in other texts. */
const shortestSecret = 4

interface CallArguments {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

/**
 * Hides what a task's `secret` option names. Arguments travel and reach the body as they are; what is shown or kept
 * beside the message (representations, extended results, errors, log lines) is masked.
 */
export class Redactor {
  readonly #secret: true | readonly (string | number)[]
  readonly #parameters: readonly string[]
  #texts: string[] = []

  constructor(secret: true | readonly (string | number)[], parameters: readonly string[] = []) {
    this.#secret = secret
    this.#parameters = parameters
  }

  /** Undefined for a task without secrets: the usual case costs nothing. */
  static of(task: Task | undefined): Redactor | undefined {
    const { secret, parameters } = task?.options ?? {}
    return secret === undefined ? undefined : new Redactor(secret, parameters)
  }

  /** The arguments with secrets masked; remembers them for `text`. */
  arguments({ args, kwargs }: CallArguments): CallArguments {
    this.#texts = []
    return {
      args: args.map((value, position) => this.#shown(value, position, this.#parameters[position])),
      kwargs: Object.fromEntries(
        Object.entries(kwargs).map(([name, value]) => [name, this.#shown(value, this.#parameters.indexOf(name), name)]),
      ),
    }
  }

  /** `text` without the secrets that `arguments` saw. */
  text(text: string): string {
    return this.#texts.reduce((shown, secret) => shown.replaceAll(secret, masked), text)
  }

  /** The error without those secrets, in its message, its details and its stack. */
  error(error: RemoteError): RemoteError {
    return {
      ...error,
      details: error.details.map((detail) => (typeof detail === 'string' ? this.text(detail) : masked)),
      traceback: error.traceback === undefined ? undefined : this.text(error.traceback),
    }
  }

  #shown(value: unknown, position: number, name: string | undefined): unknown {
    const secret = this.#secret
    const isSecret = secret === true || secret.includes(position) || (name !== undefined && secret.includes(name))
    if (!isSecret) return value
    this.#remember(value)
    return masked
  }

  /** The texts and numbers in a secret, at any depth: an error may quote any of them. */
  #remember(value: unknown): void {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') {
      const text = String(value)
      if (text.length >= shortestSecret) this.#texts.push(text)
    } else if (typeof value === 'object' && value !== null) {
      for (const inner of Object.values(value)) this.#remember(inner)
    }
  }
}
