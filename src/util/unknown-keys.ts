import { nearest } from './nearest.ts'

/** What is wrong with each key that is not known. `what`: what it is not; `otherwise`: what to say where no name is near. */
export function unknownKeys(given: object, known: readonly string[], what: string, otherwise = ''): string[] {
  const unknown = Object.keys(given).filter((key) => !known.includes(key))
  return unknown.map((key) => {
    const near = nearest(key, known)
    return `${key} is no ${what}${near ? `; did you mean ${near}?` : otherwise}`
  })
}
