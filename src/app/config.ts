import { isDeepStrictEqual } from 'node:util'
import { settingsByName, type NamedSetting } from './config-names.ts'
import type { Config } from './config-type.ts'
import { maskSecrets } from './mask-secrets.ts'
import type { Setting } from './setting.ts'
import { shown, type GivenSetting, type SettingsSource } from './settings-source.ts'
import { ImproperlyConfigured } from '../errors.ts'

export type { Config } from './config-type.ts'

/**
 * The configuration that the sources give, complete and frozen; a later source wins over an earlier one. Throws one
 * ImproperlyConfigured that lists every problem of every source.
 */
export function compileConfig(sources: readonly SettingsSource[]): Config {
  const problems = sources.flatMap((source) => [
    ...source.problems.map((problem) => withOrigin(source, problem)),
    ...[...source.given.values()].flatMap((given) => {
      const checked = check(given)
      return 'problem' in checked ? [withOrigin(source, checked.problem)] : []
    }),
  ])
  if (problems.length > 0) throw new ImproperlyConfigured(problemText(problems))

  const given = new Map(sources.flatMap((source) => [...source.given]))
  const draft: Record<string, unknown> = {}
  for (const setting of settingsByName.values()) assign(draft, setting, valueOf(setting, given.get(setting.name)))
  return frozenCopy(applyDependentDefaults(draft as unknown as Config, given))
}

/** The warnings of all sources: settings that have no effect. */
export function settingsWarnings(sources: readonly SettingsSource[]): string[] {
  return sources.flatMap((source) => source.warnings.map((warning) => withOrigin(source, warning)))
}

/** One setting as `celeriac config` shows it. */
export interface ConfigRow {
  /** Celery's name. */
  readonly name: string
  /** Durations in milliseconds; secrets masked. */
  readonly value: unknown
  readonly default: unknown
  readonly isChanged: boolean
  readonly doc: string
  readonly expects: string
  readonly unit: 'ms' | undefined
}

/** A configuration is frozen, and monitors ask for its description again and again. */
const described = new WeakMap<Config, readonly ConfigRow[]>()

/** Every setting with its value, for people: passwords are masked. */
export function describeConfig(config: Config): readonly ConfigRow[] {
  let rows = described.get(config)
  if (!rows) described.set(config, (rows = rowsOf(config)))
  return rows
}

function rowsOf(config: Config): ConfigRow[] {
  const standard = compileConfig([])
  return [...settingsByName.values()].map(({ name, path, setting }) => {
    const value = valueAt(config, path)
    return {
      name,
      value: maskSecrets(value, setting.isSecret),
      default: setting.default,
      isChanged: !isDeepStrictEqual(value, valueAt(standard, path)),
      doc: setting.doc,
      expects: setting.kind.expects,
      unit: setting.kind.isDuration ? 'ms' : undefined,
    }
  })
}

function check(given: GivenSetting): { readonly value: unknown } | { readonly problem: string } {
  const { kind, isSecret } = settingOf(given.name)
  const result = kind.schema().safeParse(given.value)
  if (result.success) return { value: result.data }
  const path = result.error.issues[0]?.path.map((part) => `[${JSON.stringify(part)}]`).join('') ?? ''
  return { problem: `${given.written}${path} must be ${kind.expects}; got ${shown(given.value, isSecret)}` }
}

function settingOf(name: string): Setting {
  const found = settingsByName.get(name)
  if (!found) throw new TypeError(`no setting ${name}`)
  return found.setting
}

function valueOf({ setting }: NamedSetting, given: GivenSetting | undefined): unknown {
  if (!given) return setting.default
  return setting.kind.schema().parse(given.value)
}

function assign(draft: Record<string, unknown>, { path: [first, second] }: NamedSetting, value: unknown): void {
  if (second === undefined) draft[first] = value
  else draft[first] = { ...(draft[first] as object | undefined), [second]: value }
}

function valueAt(config: object, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], config)
}

/** Defaults that follow from other settings: where results go, and what may be read from there. */
function applyDependentDefaults(config: Config, given: ReadonlyMap<string, GivenSetting>): Config {
  const isEmbedded = /^(sqlite|memory):/i.test(config.broker.url)
  const followed = isEmbedded ? config.broker.url : undefined
  const backend = given.has('result_backend') ? config.result.backend : followed
  const acceptContent = config.result.acceptContent.length > 0 ? config.result.acceptContent : config.acceptContent
  return { ...config, result: { ...config.result, backend, acceptContent } }
}

function withOrigin(source: SettingsSource, line: string): string {
  return source.origin === '' ? line : `${source.origin}: ${line}`
}

function problemText(problems: readonly string[]): string {
  if (problems.length === 1) return `The configuration is wrong: ${problems[0]}`
  return `The configuration has ${problems.length} problems:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`
}

/** Only plain data is copied and frozen: an object of a class, such as a TLS context, belongs to its owner. */
function frozenCopy<T>(value: T): T {
  if (Array.isArray(value)) return Object.freeze(value.map((item: unknown) => frozenCopy(item))) as T
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, frozenCopy(inner)]))) as T
}
