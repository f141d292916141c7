import { describeValue } from '../protocol/describe-value.ts'
import { durationMs, parseDuration, type Duration } from '../util/duration.ts'

/** What becomes of a task whose row does not exist. */
export type MissingPolicy = 'error' | 'discard' | 'null' | 'retry'

/** How rows become arguments: of a task, or of one of its parameters, which overrides the task. */
export interface ModelPolicy {
  /**
   * A row that is gone: `'error'` fails the task (RowMissing), `'discard'` ends it without a result, `'null'` passes null
   * in the row's place, `'retry'` asks for another attempt. A row whose class is not the declared one any more is treated
   * alike. Default `'error'`.
   */
  readonly missing?: MissingPolicy
  /** How long after the call a missing or too old row is waited for: its transaction may be open. Default 2 s. */
  readonly grace?: Duration
  /**
   * `'sent'`: never older than at the call, a replica where that can be checked. `'primary'`: no replica. `'any'`: as it
   * comes. Default `'sent'`.
   */
  readonly read?: 'sent' | 'primary' | 'any'
  /**
   * A row that is newer than at the call: `'run'` takes it, `'discard'` ends the task without a result, `'error'` fails it
   * (RowChanged). The model needs a version. Default `'run'`.
   */
  readonly changed?: 'run' | 'discard' | 'error'
  /** Relations to load with the rows, dotted for those of relations. Default: what the ORM loads by itself. */
  readonly with?: readonly string[]
  /** Runs the attempt in a transaction of the ORM, and holds the rows until it ends. Default: no lock. */
  readonly lock?: 'update' | 'share'
  /** False: rows that are soft-deleted, or outside default scopes, count as gone. Default true. */
  readonly withDeleted?: boolean
}

/** A policy with its defaults. */
export interface CompiledPolicy {
  /** Equal for equal policies: rows under one policy are read together. */
  readonly id: string
  readonly missing: MissingPolicy
  readonly graceMs: number
  readonly read: 'sent' | 'primary' | 'any'
  readonly changed: 'run' | 'discard' | 'error'
  readonly relations: readonly string[]
  readonly lock: 'update' | 'share' | undefined
  readonly hideDeleted: boolean
}

/** The names of the options that make a policy. */
export const policyNames = ['missing', 'grace', 'read', 'changed', 'with', 'lock', 'withDeleted'] as const

const choices = {
  missing: ['error', 'discard', 'null', 'retry'],
  read: ['sent', 'primary', 'any'],
  changed: ['run', 'discard', 'error'],
  lock: ['update', 'share'],
} as const satisfies Partial<Record<keyof ModelPolicy, readonly string[]>>

/** What is wrong with the options of a policy, a line each. */
export function policyProblems(given: Readonly<Record<string, unknown>>): string[] {
  const problems: string[] = []
  for (const [name, values] of Object.entries(choices)) {
    const value = given[name]
    if (value !== undefined && !(values as readonly unknown[]).includes(value))
      problems.push(`${name} must be ${values.map((each) => `'${each}'`).join(' or ')}, got ${describeValue(value)}`)
  }
  const { grace, with: relations, withDeleted } = given
  if (grace !== undefined && parseDuration(grace) === undefined)
    problems.push(`grace must be seconds or text like '30s', got ${describeValue(grace)}`)
  if (relations !== undefined && !(Array.isArray(relations) && relations.every((path) => typeof path === 'string')))
    problems.push(`with must be a list of names of relations, got ${describeValue(relations)}`)
  if (withDeleted !== undefined && typeof withDeleted !== 'boolean')
    problems.push(`withDeleted must be true or false, got ${describeValue(withDeleted)}`)
  return problems
}

/** Later policies override earlier ones, option by option. */
export function compilePolicy(...policies: readonly ModelPolicy[]): CompiledPolicy {
  const policy: ModelPolicy = Object.assign({}, ...policies.map(givenOptions))
  const compiled = {
    missing: policy.missing ?? 'error',
    graceMs: durationMs(policy.grace ?? 2, 'grace'),
    read: policy.read ?? 'sent',
    changed: policy.changed ?? 'run',
    relations: [...new Set(policy.with)].toSorted(),
    lock: policy.lock,
    hideDeleted: policy.withDeleted === false,
  } as const
  return Object.freeze({ ...compiled, id: JSON.stringify(compiled) })
}

function givenOptions(policy: ModelPolicy): ModelPolicy {
  return Object.fromEntries(policyNames.flatMap((name) => (policy[name] === undefined ? [] : [[name, policy[name]]])))
}
