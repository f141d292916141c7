import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { discoverTaskFiles, importTaskModules, resolveImports } from '../../src/app/autodiscover.ts'
import { ImproperlyConfigured } from '../../src/errors.ts'

let base = ''

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(base, name)), { recursive: true })
    await fs.writeFile(path.join(base, name), text)
  }
}

async function discover(patterns: readonly string[], related?: string): Promise<string[]> {
  return (await discoverTaskFiles(patterns, base, related === undefined ? {} : { related })).map((file) =>
    path.relative(base, file),
  )
}

before(async () => {
  base = await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-discover-'))
  await write({
    'package.json': '{ "type": "module" }',
    'apps/mail/tasks.ts': 'globalThis.loaded = [...(globalThis.loaded ?? []), "mail"]',
    'apps/shop/tasks.mjs': 'globalThis.loaded = [...(globalThis.loaded ?? []), "shop"]',
    'apps/both/tasks.ts': '',
    'apps/both/tasks.js': '',
    'apps/typed/tasks.d.ts': '',
    'apps/none/views.ts': '',
    'apps/main.ts': '',
    'apps/README.md': '',
    'apps/node_modules/tasks.js': '',
    'apps/node_modules/evil/tasks.js': '',
    'apps/mail/jobs.ts': '',
    'src/a.tasks.ts': '',
    'src/a.tasks.d.ts': '',
    'src/deep/b.tasks.js': '',
    '[id]/tasks.ts': '',
    'broken/tasks.ts': 'import "./nowhere.ts"',
    'syntax/tasks.ts': 'const x = ;',
    'throws/tasks.ts': 'throw new Error("no database")',
    'decorated/tasks.ts': 'function task(value: unknown) {}\n\nclass A {\n  @task\n  run() {}\n}',
    'enums/tasks.ts': 'export enum Colour { Red }',
    'circular/tasks.ts': 'import "./app.ts"\nexport const app = {}',
    'circular/app.ts': 'import { app } from "./tasks.ts"\nexport const name = app',
    'node_modules/some-tasks/package.json': '{ "name": "some-tasks", "main": "index.js" }',
    'node_modules/some-tasks/index.js': '',
  })
})

after(() => fs.rm(base, { recursive: true, force: true }))

describe('autodiscovery of task files', () => {
  it('finds tasks.{ts,js,mts,mjs} in each folder that a glob matches, once, TypeScript first', async () => {
    assert.deepEqual(await discover(['./apps/*', 'apps/mail']), [
      'apps/both/tasks.ts',
      'apps/mail/tasks.ts',
      'apps/shop/tasks.mjs',
    ])
  })

  it('never looks into node_modules', async () => {
    assert.deepEqual(
      (await discover(['apps/**'])).filter((file) => file.includes('node_modules')),
      [],
    )
  })

  it('takes files where the pattern names files, but no declarations', async () => {
    assert.deepEqual(await discover(['src/**/*.tasks.{ts,js}']), ['src/a.tasks.ts', 'src/deep/b.tasks.js'])
    assert.deepEqual(await discover(['src/*.ts']), ['src/a.tasks.ts'])
    assert.deepEqual(await discover(['./src/a.tasks.ts']), ['src/a.tasks.ts'])
  })

  it('may look for another name', async () => {
    assert.deepEqual(await discover(['apps/*'], 'jobs'), ['apps/mail/jobs.ts'])
  })

  it('takes a folder that looks like a glob as it is written', async () => {
    assert.deepEqual(await discover(['[id]']), ['[id]/tasks.ts'])
  })

  it('accepts a folder without task file', async () => {
    assert.deepEqual(await discover(['apps/none']), [])
  })

  it('refuses a folder that does not exist and a glob that matches nothing, naming them', async () => {
    await assert.rejects(discover(['apps/mial']), (error) => {
      assert.ok(error instanceof ImproperlyConfigured)
      assert.match(error.message, /nothing matches 'apps\/mial' in .*did you mean apps\/mail\?/)
      return true
    })
    await assert.rejects(discover(['modules/*']), /nothing matches 'modules\/\*'/)
  })
})

describe('the import of task files', () => {
  it('imports each', async () => {
    await importTaskModules(await discoverTaskFiles(['apps/mail', 'apps/shop'], base), base)
    assert.deepEqual((globalThis as { loaded?: string[] }).loaded, ['mail', 'shop'])
  })

  const failures: readonly [string, RegExp][] = [
    ['broken', /nowhere\.ts/],
    ['syntax', /SyntaxError|Expression expected/],
    ['throws', /no database/],
    ['decorated', /--import/],
    ['enums', /--import/],
    ['circular', /circle: let the module of the app import none of its tasks/],
  ]
  for (const [folder, expected] of failures) {
    it(`fails for a file that is ${folder}, with its name, the cause and what to do`, async () => {
      const files = await discoverTaskFiles([folder], base)
      await assert.rejects(importTaskModules(files, base), (error) => {
        assert.ok(error instanceof ImproperlyConfigured)
        assert.ok(error.message.includes(path.join(base, folder, 'tasks.ts')), error.message)
        assert.match(error.message, expected)
        assert.ok(error.cause instanceof Error)
        return true
      })
    })
  }
})

describe('the setting imports', () => {
  it('may name files, globs and packages', async () => {
    const files = await resolveImports(['./apps/main.ts', 'src/*.ts', 'some-tasks'], base)
    assert.deepEqual(
      files.map((file) => path.relative(base, file)),
      ['apps/main.ts', 'src/a.tasks.ts', 'node_modules/some-tasks/index.js'],
    )
  })

  it('is told what it names in vain', async () => {
    await assert.rejects(resolveImports(['proj.tasks'], base), /imports: nothing matches 'proj\.tasks'/)
    await assert.rejects(resolveImports(['./apps/mian.ts'], base), /did you mean apps\/main\.ts\?/)
  })
})
