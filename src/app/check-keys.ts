import { InvalidArguments } from '../errors.ts'
import { nearest } from '../util/nearest.ts'

/** Throws InvalidArguments for options that are no object, or have a key that is not known. */
export function checkKeys(options: unknown, known: readonly string[], what: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const names = known.map((name) => `${name}: …`).join(', ')
    throw new InvalidArguments(`${what} takes options, such as { ${names} }; got ${String(options)}`)
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const near = nearest(key, known) ?? known.join(', ')
    throw new InvalidArguments(`${key} is no option of ${what}; did you mean ${near}?`)
  }
}
