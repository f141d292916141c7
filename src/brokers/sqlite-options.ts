import { ImproperlyConfigured } from '../errors.ts'
import { nearest } from '../util/nearest.ts'

/** `broker_transport_options` of the SQLite broker. */
export interface SqliteBrokerOptions {
  /** How long the loans of a process that vanished last. Default 30; at least 0.1. */
  readonly leaseSeconds?: number
  /** `full`: each commit reaches the disk before it counts. Default `normal`: the last ones may be lost with the power. */
  readonly synchronous?: 'normal' | 'full'
  /** How long an operation waits for a locked file before it fails. Default 10. */
  readonly busyDeadlineSeconds?: number
}

const checks = {
  leaseSeconds: { expected: 'a number of seconds from 0.1 up', accepts: (value: unknown) => isNumberFrom(value, 0.1) },
  synchronous: { expected: "'normal' or 'full'", accepts: (value: unknown) => value === 'normal' || value === 'full' },
  busyDeadlineSeconds: {
    expected: 'a number of seconds from 0 up',
    accepts: (value: unknown) => isNumberFrom(value, 0),
  },
} as const satisfies Record<keyof SqliteBrokerOptions, { expected: string; accepts: (value: unknown) => boolean }>

/** Checks options, also with names in snake_case. Throws ImproperlyConfigured with all that is wrong. */
export function parseSqliteBrokerOptions(options: Readonly<Record<string, unknown>>): SqliteBrokerOptions {
  const problems: string[] = []
  const parsed: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    const camel = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    if (!Object.hasOwn(checks, camel)) {
      problems.push(unknownOption(name, camel))
      continue
    }
    const { accepts, expected } = checks[camel as keyof typeof checks]
    if (accepts(value)) parsed[camel] = value
    else problems.push(`${name}: expected ${expected}, got ${JSON.stringify(value)}`)
  }
  if (problems.length > 0) {
    throw new ImproperlyConfigured(`Transport options of the SQLite broker: ${problems.join('; ')}`)
  }
  return parsed
}

function unknownOption(name: string, camel: string): string {
  const meant = nearest(camel, Object.keys(checks))
  return `${name}: unknown${meant ? `, did you mean ${meant}?` : ''} (known: ${Object.keys(checks).join(', ')})`
}

function isNumberFrom(value: unknown, smallest: number): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= smallest
}
