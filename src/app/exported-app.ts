import type { Celeriac } from './app.ts'

const brand = Symbol.for('celeriac.app')

/** By a brand, not by class: the app may come from another copy of this package. */
export function isApp(value: unknown): value is Celeriac {
  return typeof value === 'object' && value !== null && brand in value
}

/** What a module exports, by name. What CommonJS assigned to `module.exports` arrives as default; its properties count too. */
export function exportsByName(exported: Readonly<Record<string, unknown>>): ReadonlyMap<string, unknown> {
  const inner = exported['default']
  const isBag = typeof inner === 'object' && inner !== null && !isApp(inner)
  return new Map([...(isBag ? Object.entries(inner) : []), ...Object.entries(exported)])
}
