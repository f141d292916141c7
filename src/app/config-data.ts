import type { Config } from './config-type.ts'

/** The settings as they may cross to another thread or process: those that hold functions or foreign objects are left out. */
export interface ConfigData {
  readonly settings: Readonly<Record<string, unknown>>
  /** None had to be left out. */
  readonly isComplete: boolean
}

export function configData(config: Config): ConfigData {
  let isComplete = true
  const data = (value: object): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(value).filter(([, inner]) => {
        if (mayCross(inner)) return true
        isComplete = false
        return false
      }),
    )
  const settings = Object.fromEntries(
    Object.entries(config).map(([name, value]: [string, unknown]) => [name, isGroup(value) ? data(value) : value]),
  )
  return { settings, isComplete }
}

/** The settings of `data`. What was left out there is as `own` says; it is asked only then. */
export function configFromData({ settings, isComplete }: ConfigData, own: () => Config): Config {
  const base: object = isComplete ? settings : own()
  const entries = Object.entries(base).map(([name, value]: [string, unknown]) => {
    const given = settings[name]
    return [name, isGroup(given) ? Object.freeze({ ...(value as object), ...given }) : given] as const
  })
  return Object.freeze(Object.fromEntries(entries)) as unknown as Config
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mayCross(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
