import { ImproperlyConfigured } from '../errors.ts'
import { unknownKeys } from './option-problems.ts'

const known = ['broker', 'backend', 'logger', 'settings'] as const

/** Throws ImproperlyConfigured for each option that an app does not have: it would do without, on another broker. */
export function checkAppOptions(options: object): void {
  const problems = unknownKeys(options, known, 'option of an app', '; settings go into settings: { … }')
  if (problems.length > 0) throw new ImproperlyConfigured(`new Celeriac():\n  ${problems.join('\n  ')}`)
}
