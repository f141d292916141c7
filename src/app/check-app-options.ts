import { ImproperlyConfigured } from '../errors.ts'
import { nearest } from '../util/nearest.ts'

const known = ['broker', 'backend', 'logger', 'settings'] as const

/** Throws ImproperlyConfigured for each option that an app does not have: it would do without, on another broker. */
export function checkAppOptions(options: object): void {
  const problems: string[] = []
  for (const key of Object.keys(options)) {
    if ((known as readonly string[]).includes(key)) continue
    const near = nearest(key, known)
    const advice = near ? `; did you mean ${near}?` : '; settings go into settings: { … }'
    problems.push(`${key} is no option of an app${advice}`)
  }
  if (problems.length > 0) throw new ImproperlyConfigured(`new Celeriac():\n  ${problems.join('\n  ')}`)
}
