/** The built package, as its users run it; typed by its source. */
const dist = new URL('../dist/dist/', import.meta.url)

export const slotEntry: URL = new URL('worker/slot-child.js', dist)

export function built<Module>(path: string): Promise<Module> {
  return import(new URL(path, dist).href) as Promise<Module>
}
