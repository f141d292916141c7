import { ImproperlyConfigured } from '../errors.ts'
import { compileConfig, settingsWarnings, type Config } from './config.ts'
import { configFromData, type ConfigData } from './config-data.ts'
import { Router } from './router.ts'
import type { SettingsSource } from './settings-source.ts'

/** The settings of an app: its sources, and what they give, which stays from the first look. */
export class AppSettings {
  readonly #appName: string
  readonly #warn: (warning: string) => void
  readonly #sources: SettingsSource[] = []
  #config: Config | undefined
  #router: Router | undefined

  constructor(appName: string, warn: (warning: string) => void) {
    this.#appName = appName
    this.#warn = warn
  }

  /** Later sources win. Throws ImproperlyConfigured after the first look. */
  add(source: SettingsSource): void {
    if (this.#config)
      throw new ImproperlyConfigured(
        `the settings of app ${this.#appName} are in use already: give them before the first task is sent`,
      )
    this.#sources.push(source)
  }

  /** Complete and frozen. Throws ImproperlyConfigured with every problem found. */
  get config(): Config {
    return this.#config ?? this.#compile()
  }

  /** Undefined before the first look. */
  get logStyle(): Config['worker']['logStyle'] | undefined {
    return this.#config?.worker.logStyle
  }

  get router(): Router {
    return (this.#router ??= new Router(this.config))
  }

  /** Those of the same app in another thread or process, as far as they are data, count here too. */
  adopt(data: ConfigData): void {
    this.#config = configFromData(data, () => this.#config ?? compileConfig(this.#sources))
    this.#router = undefined
  }

  #compile(): Config {
    // Kept before anything is told: whoever hears it may look at the settings.
    const config = (this.#config = compileConfig(this.#sources))
    for (const warning of settingsWarnings(this.#sources)) this.#warn(warning)
    return config
  }
}
