import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { it } from 'node:test'

interface Lock {
  readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>>
}

/** Where Node looks for `name` from inside the package at `place`, nearest first. */
function candidates(place: string, name: string): string[] {
  const found = [`${place === '' ? '' : `${place}/`}node_modules/${name}`]
  if (place === '') return found
  const parent = place.includes('/node_modules/') ? place.slice(0, place.lastIndexOf('/node_modules/')) : ''
  return [...found, ...candidates(parent, name)]
}

it('the lockfile names the optional packages of every platform: without them `npm ci` refuses it', () => {
  const file = path.resolve(import.meta.dirname, '../../package-lock.json')
  const { packages } = JSON.parse(readFileSync(file, 'utf8')) as Lock
  const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !candidates(place, name).some((at) => at in packages)),
  )
  assert.deepEqual(missing, [])
})
