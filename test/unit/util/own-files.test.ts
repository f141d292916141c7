import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { it } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as own from '../../../src/util/own-files.ts'

it('code that a bundler moved away from the package says to leave it out of the bundle', async () => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-bundle-'))
  try {
    const file = path.join(folder, 'out/js/bundle.ts')
    await fs.mkdir(path.dirname(file), { recursive: true })
    await fs.copyFile('src/util/own-files.ts', file)
    const moved = (await import(pathToFileURL(file).href)) as typeof own
    assert.throws(() => moved.requireOwn('zod'), /cannot load zod; was celeriac made part of a bundle\? Leave it out/)
    assert.throws(() => moved.packageVersion(), /cannot find its own files; was celeriac made part of a bundle/)
    await fs.writeFile(path.join(folder, 'package.json'), '{ "name": "shop", "version": "9.9.9" }')
    assert.throws(() => moved.packageVersion(), /cannot find its own files/)
  } finally {
    await fs.rm(folder, { recursive: true })
  }
  assert.match(own.packageVersion(), /^\d+\.\d+\.\d+/)
})
