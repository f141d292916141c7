import { inspect } from 'node:util'
import { isUnusedCelerySetting } from './celery-settings.ts'
import { canonicalName, groups, inStyleOf, settingsByName } from './config-names.ts'
import { maskSecrets } from './mask-secrets.ts'
import { nearest } from '../util/nearest.ts'

/** One value as its author wrote it. */
export interface GivenSetting {
  /** Celery's name. */
  readonly name: string
  readonly written: string
  readonly value: unknown
}

/** What one object, file or environment says, names understood, values not yet checked. */
export interface SettingsSource {
  /** Such as `settings.ts` or `environment`; begins the lines about its problems if it is not empty. */
  readonly origin: string
  readonly given: ReadonlyMap<string, GivenSetting>
  readonly problems: readonly string[]
  /** Settings of Celery that celeriac does not use. */
  readonly warnings: readonly string[]
}

export interface ReadSettingsOptions {
  /** Such as `'CELERY'`: only `CELERY_…` keys are settings, the others are none of our business. */
  readonly namespace?: string | undefined
  readonly origin?: string
}

/**
 * Understands the names of a settings object: `TASK_ACKS_LATE`, `task_acks_late`, `taskAcksLate` and
 * `{ task: { acksLate } }` alike, with a namespace `CELERY_TASK_ACKS_LATE`. Problems are kept for `compileConfig`, so
 * that all sources report at once. A value that is undefined counts as not given.
 */
export function readSettings(settings: object, options: ReadSettingsOptions = {}): SettingsSource {
  const reader = new SettingsReader(options.origin ?? '')
  const prefix = options.namespace ? `${options.namespace.replace(/_$/, '')}_` : ''
  for (const [key, value] of Object.entries(settings)) {
    if (value === undefined || !key.startsWith(prefix)) continue
    const name = canonicalName(key.slice(prefix.length))
    if (prefix === '' && groups.has(name)) reader.addGroup(key, value)
    else reader.add(name, key, value, prefix)
  }
  return reader
}

/** Collects given settings and the problems with their names. */
export class SettingsReader implements SettingsSource {
  readonly origin: string
  readonly given: Map<string, GivenSetting> = new Map()
  readonly problems: string[] = []
  readonly warnings: string[] = []

  constructor(origin: string) {
    this.origin = origin
  }

  add(name: string, written: string, value: unknown, prefix = ''): void {
    const setting = settingsByName.get(name)?.setting
    if (!setting) return this.#addUnknown(name, written, prefix)
    const before = this.given.get(name)
    if (before && inspect(before.value) !== inspect(value)) {
      const values = [before.value, value].map((one) => shown(one, setting.isSecret)).join(' and ')
      this.problems.push(`${before.written} and ${written} are one setting, given two values: ${values}; keep one`)
    }
    this.given.set(name, { name, written, value })
  }

  addGroup(group: string, value: unknown): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      const example = [...settingsByName.keys()].find((name) => name.startsWith(`${canonicalName(group)}_`)) ?? ''
      this.problems.push(
        `${group} must be an object of settings, got ${shown(value)}; did you mean ${inStyleOf(group, example)}?`,
      )
      return
    }
    for (const [key, inner] of Object.entries(value)) {
      if (inner !== undefined) this.add(`${canonicalName(group)}_${canonicalName(key)}`, `${group}.${key}`, inner)
    }
  }

  #addUnknown(name: string, written: string, prefix: string): void {
    if (isUnusedCelerySetting(name)) {
      this.warnings.push(`${written} is a setting of Celery that celeriac does not use; it has no effect`)
      return
    }
    this.problems.push(`${written} is not a setting${suggestion(name, written, prefix)}`)
  }
}

function suggestion(name: string, written: string, prefix: string): string {
  if (prefix === '' && name.startsWith('celery_') && settingsByName.has(name.slice('celery_'.length))) {
    return "; to read names that begin with CELERY_, pass { namespace: 'CELERY' }"
  }
  const near = nearest(name, settingsByName.keys())
  if (near === undefined) return '; `celeriac config` lists them all'
  const dotted = /^(\w+)\./.exec(written)
  const last = written.slice(prefix.length).replace(/^\w+\./, '')
  if (dotted && near.startsWith(`${canonicalName(dotted[1] ?? '')}_`)) {
    return `; did you mean ${dotted[1]}.${inStyleOf(last, near.slice(near.indexOf('_') + 1))}?`
  }
  return `; did you mean ${prefix}${inStyleOf(written.slice(prefix.length), near)}?`
}

/** A value in a message: short, on one line, without passwords. */
export function shown(value: unknown, isSecret = false): string {
  const text = inspect(maskSecrets(value, isSecret), {
    depth: 3,
    breakLength: Infinity,
    maxStringLength: 100,
    maxArrayLength: 10,
  })
  return text.length > 160 ? `${text.slice(0, 159)}…` : text
}
