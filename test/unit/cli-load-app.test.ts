import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { loadApp, loadExport } from '../../src/cli/load-app.ts'
import { ImproperlyConfigured } from '../../src/errors.ts'

let base = ''
/** An app as `-A` knows it: by its brand, so that one of another copy of the package counts too. */
const app = (name: string): string => `{ name: '${name}', [Symbol.for('celeriac.app')]: true }`

const files: Readonly<Record<string, string>> = {
  'package.json': '{ "type": "module" }',
  'app.ts': `export const app: { name: string } = ${app('plain')}`,
  'other.ts': `export const shop = ${app('only')}\nexport const helper = () => 1`,
  'several.ts': `export const shop = ${app('shop')}\nexport const mail = ${app('mail')}\nexport const limit = 5`,
  'default.mjs': `export default ${app('default')}\nexport const second = ${app('second')}`,
  'common.cjs': `module.exports = { celery: ${app('common')} }`,
  'empty.ts': '',
  'none.ts': 'export const limit = 5\nexport class Shop {}\nexport const make = () => 1',
  'proj/celery.ts': `export const app = ${app('folder')}`,
  'throws.ts': 'throw new Error("no database")',
  'syntax.ts': 'export const x = ;',
  'missing.ts': 'import "./nowhere.ts"',
  'short.ts': 'import { app } from "./app"\nexport { app }',
  'built.ts': 'import { app } from "./app.js"\nexport { app }',
  'folder.ts': 'import { app } from "./proj"\nexport { app }',
  'typed.ts': 'import { app, AppOptions } from "./app.ts"\nexport { app }\nexport const options: AppOptions = {}',
  'decorated.ts': 'function task(_: unknown) {}\nexport class A {\n  @task\n  run() {}\n}',
  'node_modules/shop-app/package.json': '{ "name": "shop-app", "type": "module", "main": "index.js" }',
  'node_modules/shop-app/index.js': `export const app = ${app('package')}`,
}

before(async () => {
  base = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-load-app-')))
  for (const [name, text] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(base, name)), { recursive: true })
    await fs.writeFile(path.join(base, name), text)
  }
})

after(() => fs.rm(base, { recursive: true, force: true }))

async function refusal(specifier: string): Promise<string> {
  try {
    await loadApp(specifier, base)
  } catch (error) {
    assert.ok(error instanceof ImproperlyConfigured, String(error))
    return error.message
  }
  return assert.fail(`${specifier} was loaded`)
}

describe('-A', () => {
  const loads: readonly [string, string][] = [
    ['./app.ts', 'plain'],
    ['app', 'plain'],
    ['./app', 'plain'],
    ['./other.ts', 'only'],
    ['./several.ts:mail', 'mail'],
    ['./default.mjs', 'default'],
    ['./default.mjs:second', 'second'],
    ['./common.cjs', 'common'],
    ['./proj', 'folder'],
    ['shop-app', 'package'],
  ]
  for (const [specifier, name] of loads) {
    it(`${specifier} finds the app`, async () => {
      assert.equal((await loadApp(specifier, base)).app.name, name)
    })
  }

  it('a module that is no app is not called -A', async () => {
    await assert.rejects(
      loadExport('./qqqqqqqqqqqq', base),
      /^ImproperlyConfigured: \.\/qqqqqqqqqqqq: there is no such file or package/,
    )
  })

  it('a package that is not there is told without the stack of a resolver', async () => {
    await assert.rejects(loadExport('no-such-package', base), (error: Error) => error.cause === undefined)
  })

  const refuses: readonly [string, RegExp][] = [
    ['./ap.ts', /no such file.*did you mean \.\/app\.ts\?/],
    ['./proj/celry.ts', /did you mean \.\/proj\/celery\.ts\?/],
    ['./qqqqqqqqqqqq', /there are \.\/app\.ts/],
    ['no-such-package', /-A no-such-package: there is no such file, folder with an app, or package/],
    [
      './none.ts',
      /none\.ts exports no app: it exports Shop \(a class\), limit \(a number\), make \(a function\)\. Let it export one/,
    ],
    ['./empty.ts', /it exports nothing/],
    ['./several.ts', /several apps: say which with -A \.\/several\.ts:mail or -A \.\/several\.ts:shop/],
    ['./several.ts:limit', /its export limit is a number/],
    ['./several.ts:nope', /it has no export nope: it exports limit \(a number\), mail \(an app\)/],
    ['./throws.ts', /Cannot import .*throws\.ts: Error: no database/],
    ['./syntax.ts', /Cannot import .*syntax\.ts: SyntaxError: .* at .*syntax\.ts:1/],
    ['./missing.ts', /Cannot import .*missing\.ts: .*nowhere\.ts/],
    ['./short.ts', /Cannot find module .*\nNode takes the whole name of a file: import .*app\.ts$/],
    ['./built.ts', /Cannot find module .*\nThere is .*app\.ts: Node runs it by that name/],
    ['./folder.ts', /\nNode takes the whole name of a file, also in a folder/],
    ['./typed.ts', /no.* export named 'AppOptions'.*\nIf AppOptions is a type, import it with "import type"/],
    ['./decorated.ts', /--import/],
  ]
  for (const [specifier, expected] of refuses) {
    it(`${specifier} is refused with what is wrong and what to do`, async () => {
      assert.match(await refusal(specifier), expected)
    })
  }

  it('keeps the cause of an import that failed', async () => {
    await assert.rejects(
      loadApp('./throws.ts', base),
      (error) => error instanceof Error && (error.cause as Error).message === 'no database',
    )
  })
})
