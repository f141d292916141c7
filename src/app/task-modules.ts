import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { discoverTaskFiles, importTaskModules, type DiscoverOptions } from './autodiscover.ts'
import type { Config } from './config.ts'

/** Folders or globs in which tasks are looked for. */
interface Discovery {
  readonly patterns: readonly string[]
  readonly baseDir: string
  readonly related: string | undefined
}

/** The modules that define an app's tasks: those that its settings name, and those that are found. */
export class TaskModules {
  readonly #discoveries: Discovery[] = []
  readonly #config: () => Config
  readonly #onLoaded: () => void
  #loading: Promise<void> | undefined

  constructor(config: () => Config, onLoaded: () => void) {
    this.#config = config
    this.#onLoaded = onLoaded
  }

  /** What was loaded is looked at once more, with these. */
  discover(patterns: readonly string[], options: DiscoverOptions & { readonly baseDir?: string }): void {
    if (!Array.isArray(patterns)) {
      const given = describeValue(patterns)
      throw new ImproperlyConfigured(
        `autodiscoverTasks() needs a list of folders or globs, such as ['./apps/*']; got ${given}`,
      )
    }
    const { baseDir, related } = options
    this.#discoveries.push({ patterns, baseDir: baseDir ?? process.cwd(), related })
    this.#loading = undefined
  }

  /** Imports them, once. An error names the file. */
  load(): Promise<void> {
    return (this.#loading ??= this.#load())
  }

  async #load(): Promise<void> {
    const { imports, include } = this.#config()
    await importTaskModules([...imports, ...include], process.cwd())
    for (const { patterns, baseDir, related } of this.#discoveries) {
      const files = await discoverTaskFiles(patterns, baseDir, related === undefined ? {} : { related })
      await importTaskModules(files, baseDir)
    }
    this.#onLoaded()
  }
}
