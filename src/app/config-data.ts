import type { Config } from './config-type.ts'

/** Settings by group and name, or by name alone: those that are data. */
export type ConfigData = Readonly<Record<string, unknown>>

/** The settings as they may cross to another thread or process; those that hold functions or foreign objects are left out. */
export function configData(config: Config): ConfigData {
  return Object.fromEntries(
    Object.entries(config).flatMap(([name, value]: [string, unknown]) => {
      const data = isGroup(value)
        ? Object.fromEntries(Object.entries(value).filter(([, inner]) => mayCross(inner)))
        : value
      return mayCross(data) ? [[name, data] as const] : []
    }),
  )
}

/** `config` with the settings of `data`; what was left out there stays as it is here. */
export function withConfigData(config: Config, data: ConfigData): Config {
  const entries = Object.entries(config).map(([name, own]: [string, unknown]) => {
    const given = Object.hasOwn(data, name) ? data[name] : own
    return [name, isGroup(own) && isGroup(given) ? Object.freeze({ ...own, ...given }) : given] as const
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
