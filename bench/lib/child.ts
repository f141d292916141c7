import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

type Message =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: string }

const answerDeadlineMs = 120_000
const closeDeadlineMs = 10_000

/** A process of its own that serves commands (`serve`). */
export class Child {
  readonly #name: string
  readonly #process: ChildProcess
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>()
  #lastId = 0

  private constructor(name: string, script: URL, argument: object) {
    this.#name = name
    this.#process = fork(script, [JSON.stringify(argument)], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
  }

  /** Resolves when the process serves. `name` is for errors. */
  static async start(name: string, script: URL, argument: object): Promise<Child> {
    const child = new Child(name, script, argument)
    const ready = Promise.withResolvers<void>()
    child.#process.on('message', (message: Message) => {
      if (message.kind === 'ready') ready.resolve()
      else child.#settle(message)
    })
    child.#process.on('exit', (code, signal) => {
      const error = new Error(`${name}: its process ended early (${code ?? signal}); what it wrote stands above`)
      ready.reject(error)
      for (const call of child.#calls.values()) call.reject(error)
      child.#calls.clear()
    })
    await ready.promise
    return child
  }

  async call<T = void>(command: string, argument: object = {}): Promise<T> {
    const id = ++this.#lastId
    const call = Promise.withResolvers<unknown>()
    this.#calls.set(id, call)
    const timer = setTimeout(
      () => call.reject(new Error(`${this.#name}: no answer to ${command} within ${answerDeadlineMs / 1000} s`)),
      answerDeadlineMs,
    )
    try {
      this.#process.send({ id, command, argument })
      return (await call.promise) as T
    } finally {
      clearTimeout(timer)
      this.#calls.delete(id)
    }
  }

  /** Lets the process end by itself, which it has 10 seconds for. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.disconnect()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), closeDeadlineMs)
    await ended
    clearTimeout(timer)
  }

  #settle(message: Exclude<Message, { readonly kind: 'ready' }>): void {
    const call = this.#calls.get(message.id)
    if (message.kind === 'answer') call?.resolve(message.value)
    else call?.reject(new Error(`${this.#name}: ${message.error}`))
  }
}
