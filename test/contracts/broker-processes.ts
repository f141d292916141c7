import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { until } from './contract.ts'

const entry = path.join(import.meta.dirname, 'broker-child.ts')

/** A child process and what it said, in a file: a pipe may be full, and what it says must not wait. */
export class Child {
  readonly #process: ChildProcess
  readonly #output: string
  readonly #ended: Promise<void>

  private constructor(args: readonly string[], output: string) {
    const descriptor = openSync(output, 'w')
    this.#process = spawn(process.execPath, [entry, ...args], { stdio: ['ignore', descriptor, 'inherit'] })
    closeSync(descriptor)
    this.#output = output
    this.#ended = new Promise((resolve) => {
      this.#process.once('exit', () => resolve())
    })
  }

  /** Runs broker-child.ts, whose arguments are mode, URL, prefix, count, and the lease in seconds. */
  static start(args: readonly string[], output: string): Child {
    return new Child(args, output)
  }

  get lines(): string[] {
    return readFileSync(this.#output, 'utf8').split('\n').slice(0, -1)
  }

  get code(): number | null {
    return this.#process.exitCode
  }

  /** The words after `verb`, of each line that starts with it. */
  said(verb: string): string[][] {
    return this.lines
      .map((line) => line.split(' '))
      .filter(([first]) => first === verb)
      .map(([, ...words]) => words)
  }

  async waitFor(verb: string, count = 1): Promise<void> {
    await until(
      () => this.said(verb).length >= count,
      () => `'${verb}' ${count} times; it said ${this.lines.slice(-5).join(', ')}`,
    )
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  async ended(): Promise<void> {
    await this.#ended
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#ended
  }
}
