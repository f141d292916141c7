import { InvalidArguments } from '../errors.ts'
import { unknownKeys } from '../util/unknown-keys.ts'

/** Throws InvalidArguments for options that are no object, or have a key that is not known. */
export function checkKeys(options: unknown, known: readonly string[], what: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const names = known.map((name) => `${name}: …`).join(', ')
    throw new InvalidArguments(`${what} takes options, such as { ${names} }; got ${String(options)}`)
  }
  const [problem] = unknownKeys(options, known, `option of ${what}`, `; did you mean ${known.join(', ')}?`)
  if (problem !== undefined) throw new InvalidArguments(problem)
}
