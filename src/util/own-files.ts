import { readFileSync } from 'node:fs'

const advice =
  'was celeriac made part of a bundle? Leave it out, and install it where the bundle runs: esbuild --external:celeriac, ' +
  "external: [/^celeriac/] of Rollup, serverExternalPackages: ['celeriac'] of Next.js"

/** Requires a dependency of this package, where that is too slow to do at the start. */
export function requireOwn(name: string): unknown {
  try {
    return process.getBuiltinModule('node:module').createRequire(import.meta.url)(name)
  } catch (cause) {
    throw new Error(`celeriac cannot load ${name}; ${advice}`, { cause })
  }
}

/** The version of this package; its folder is two above, in `src` as in `dist`. */
export function packageVersion(): string {
  const manifest = readManifest()
  if (manifest.name !== 'celeriac') throw new Error(`celeriac cannot find its own files; ${advice}`)
  return manifest.version
}

function readManifest(): { readonly name: string; readonly version: string } {
  try {
    return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as ReturnType<
      typeof readManifest
    >
  } catch (cause) {
    throw new Error(`celeriac cannot find its own files; ${advice}`, { cause })
  }
}
