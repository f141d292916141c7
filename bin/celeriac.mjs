#!/usr/bin/env node
// oxlint-disable typescript/no-floating-promises, typescript/no-unsafe-member-access -- outside of the TypeScript project
// Plain old syntax: an old Node must get as far as saying what is needed.
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

var root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))))

/** The package as programs in the working directory import it, if they can. */
function installedHere() {
  for (var folder = process.cwd(); ; folder = dirname(folder)) {
    var candidate = join(folder, 'node_modules/celeriac')
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate)
    if (folder === dirname(folder)) return undefined
  }
}

/** App and command line must be one copy of the package: two would not share what a running task knows. */
function entry() {
  var here = installedHere()
  if (here !== undefined && here !== root) return join(here, 'bin/celeriac.mjs')
  var built = join(root, 'dist/cli/main.js')
  var source = join(root, 'src/cli/main.ts')
  // A checkout that nobody installed runs its source, whatever an earlier build left in dist.
  if (existsSync(source) && (here === undefined || !existsSync(built)) && root.indexOf('node_modules') === -1)
    return source
  return built
}

if (parseInt(process.versions.node, 10) < 24) {
  console.error(
    'celeriac needs Node 24 or newer, this is Node ' +
      process.versions.node +
      '; run it with "npx -p node@24 -p celeriac celeriac ...", ' +
      'or get Node 24 with "npm i -D node@24", "nvm install 24" or from https://nodejs.org',
  )
  process.exitCode = 1
} else {
  // Compiled code is kept between runs: a worker starts in half the time.
  process.getBuiltinModule('node:module').enableCompileCache()
  import(pathToFileURL(entry()).href).then(function (cli) {
    return cli.runAsProcess && cli.runAsProcess()
  })
}
