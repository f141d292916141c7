#!/usr/bin/env node
// oxlint-disable typescript/no-floating-promises, typescript/no-unsafe-member-access -- outside of the TypeScript project
// Plain old syntax: an old Node must get as far as saying what is needed.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

var found = process.versions.node
if (parseInt(found, 10) < 24) {
  console.error(
    'celeriac needs Node 24 or newer, this is Node ' +
      found +
      '; run it with "npx -p node@24 -p celeriac celeriac ...", ' +
      'or get Node 24 with "npm i -D node@24", "nvm install 24" or from https://nodejs.org',
  )
  process.exitCode = 1
} else {
  // Compiled code is kept between runs: a worker starts in half the time.
  process.getBuiltinModule('node:module').enableCompileCache()
  // A checkout runs its source, whatever an earlier build left in dist.
  var source = new URL('../src/cli/main.ts', import.meta.url)
  var isCheckout = existsSync(source) && fileURLToPath(source).indexOf('node_modules') === -1
  import(isCheckout ? source.href : new URL('../dist/cli/main.js', import.meta.url).href).then(function (cli) {
    return cli.runAsProcess()
  })
}
