import { canonicalName, settingsByName } from './config-names.ts'
import { SettingsReader, type SettingsSource } from './settings-source.ts'

export interface ConfigFromEnvOptions {
  /** Default `'CELERY_'`. */
  readonly prefix?: string
}

/**
 * Variables with the prefix that are no settings: options of the command line, Celery's own switches, and what
 * Kubernetes sets in every container for a service named `celery`.
 */
const ignored =
  /^(APP|CONFIG|CONFIG_MODULE|WORKDIR|NO_COLOR|QUIET|LOADER|SKIP_CHECKS|TRACE_APP|BENCH|LOG_LEVEL|LOG_FILE|LOG_REDIRECT.*|RDB_.*|CUSTOM_WORKER_POOL|SERVICE_(HOST|PORT.*)|PORT(_.*)?)$/

/**
 * Reads settings from environment variables such as `CELERY_TASK_ACKS_LATE=true`: texts are understood by the type of
 * their setting (`true`, `30s`, `a,b`, JSON for objects). An empty variable counts as not set; one with the prefix that
 * is no setting is a problem.
 */
export function configFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  options: ConfigFromEnvOptions = {},
): SettingsSource {
  const { prefix = 'CELERY_' } = options
  const reader = new SettingsReader('environment')
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(prefix) || text === undefined || text.trim() === '') continue
    const rest = variable.slice(prefix.length)
    if (ignored.test(rest)) continue
    const name = canonicalName(rest)
    reader.add(name, variable, settingsByName.get(name)?.setting.kind.fromText(text) ?? text, prefix)
  }
  return reader
}
