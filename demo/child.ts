import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

interface Kind {
  readonly kind: string
}

/** A process of the demo that tells what it does. Disposing of it ends it. */
export class Child<M extends Kind> implements AsyncDisposable {
  readonly #name: string
  readonly #process: ChildProcess
  readonly #exit: Promise<number | string>
  readonly #signal: AbortSignal

  constructor(name: 'producer' | 'worker', folder: string, signal: AbortSignal) {
    this.#name = name
    this.#signal = signal
    this.#process = fork(path.join(import.meta.dirname, `${name}.ts`), [folder], { serialization: 'advanced' })
    this.#exit = once(this.#process, 'exit').then(([code, killedBy]) => (code ?? killedBy) as number | string)
  }

  tell(message: object): void {
    this.#process.send(message)
  }

  /** Resolves with the next message of a kind; rejects if the process ends before it, or the demo is stopped. */
  hear<K extends M['kind']>(
    kind: K,
    onOther: (message: M) => void = () => undefined,
  ): Promise<Extract<M, { kind: K }>> {
    const { promise, resolve, reject } = Promise.withResolvers<Extract<M, { kind: K }>>()
    const onMessage = (message: M): void => {
      if (message.kind === kind) resolve(message as Extract<M, { kind: K }>)
      else onOther(message)
    }
    const onAbort = (): void => reject(this.#signal.reason as Error)
    this.#process.on('message', onMessage)
    this.#signal.addEventListener('abort', onAbort, { once: true })
    if (this.#signal.aborted) onAbort()
    void this.#exit.then((how) => reject(new Error(`the ${this.#name} process ended (${how}) before it was ${kind}`)))
    return promise.finally(() => {
      this.#process.off('message', onMessage)
      this.#signal.removeEventListener('abort', onAbort)
    })
  }

  /** Asks it to stop, and resolves with its exit code, or the signal that ended it. */
  async stop(): Promise<number | string> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 10_000)
    const how = await this.#exit
    clearTimeout(timer)
    return how
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
