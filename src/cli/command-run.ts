import type { Celeriac } from '../app/app.ts'
import { ImproperlyConfigured } from '../errors.ts'
import type { GlobalOptions } from './global-options.ts'
import type { OpenAppOptions, OpenedApp } from './open-app.ts'
import { Printer } from './output.ts'
import type { Terminal } from './terminal.ts'

/** One run of the program: what its command needs, and what must be closed after it. */
export class CommandRun implements AsyncDisposable {
  readonly terminal: Terminal
  /** What `main` returns unless the command throws. */
  exitCode = 0
  readonly #options: () => GlobalOptions
  #app: Celeriac | undefined

  constructor(terminal: Terminal, options: () => GlobalOptions) {
    this.terminal = terminal
    this.#options = options
  }

  get options(): GlobalOptions {
    return this.#options()
  }

  get printer(): Printer {
    return new Printer(this.terminal, this.options)
  }

  /** The app of the command line, closed at the end of the run. */
  async openApp(options: OpenAppOptions = {}): Promise<OpenedApp> {
    const { openApp } = await import('./open-app.ts')
    const opened = await openApp(this.terminal, this.options, options)
    this.#app = opened.app
    return opened
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app?.close()
  }

  /** Changes to `--workdir`, which everything else is relative to. */
  enterWorkdir(): void {
    const { workdir } = this.options
    if (workdir === undefined) return
    try {
      process.chdir(workdir)
    } catch (cause) {
      throw new ImproperlyConfigured(`--workdir ${workdir}: ${(cause as Error).message}`, { cause })
    }
  }
}
