import { configSchema } from './config-schema.ts'
import type { Setting } from './setting.ts'

/** A setting and where it lives. */
export interface NamedSetting {
  /** Celery's name, such as `task_time_limit`. */
  readonly name: string
  /** Where its value is in the Config, such as `['task', 'timeLimitMs']`. */
  readonly path: readonly [string] | readonly [string, string]
  readonly setting: Setting
}

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const camel = (name: string): string => name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

function named(path: NamedSetting['path'], setting: Setting): NamedSetting {
  const words = path.map((part) => snake(setting.kind.isDuration ? part.replace(/Ms$/, '') : part))
  return { name: words.join('_'), path, setting }
}

function isSetting(entry: object): entry is Setting {
  return 'kind' in entry
}

/** Groups such as `task`, whose settings may also be written nested. */
export const groups: ReadonlySet<string> = new Set(
  Object.entries(configSchema).flatMap(([key, entry]) => (isSetting(entry) ? [] : [key])),
)

/** Every setting by Celery's name, in the order of the schema. */
export const settingsByName: ReadonlyMap<string, NamedSetting> = new Map(
  Object.entries(configSchema)
    .flatMap(([key, entry]: [string, object]) =>
      isSetting(entry)
        ? [named([key], entry)]
        : Object.entries(entry).map(([field, setting]: [string, Setting]) => named([key, field], setting)),
    )
    .map((setting) => [setting.name, setting]),
)

/** Celery's name of a setting written in any of the accepted ways: `TASK_ACKS_LATE`, `task_acks_late`, `taskAcksLate`. */
export function canonicalName(written: string): string {
  return /[a-z]/.test(written) ? snake(written) : written.toLowerCase()
}

/** `name`, Celery's, in the style of `written`. */
export function inStyleOf(written: string, name: string): string {
  if (!/[a-z]/.test(written)) return name.toUpperCase()
  return /[A-Z]/.test(written) ? camel(name) : name
}
