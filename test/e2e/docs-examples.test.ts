import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { read, root, run } from './docs-snippets.ts'

const shipped = [
  /^Rolled back, and nothing was sent: something went wrong$/m,
  /^Tasks that ran: 1$/m,
  /^The task says: shipped to Bea$/m,
  /^The row says: shipped to Bea$/m,
]

/** What each example prints; process ids and task ids are left open. */
const outputs: Readonly<Record<string, readonly RegExp[]>> = {
  'dead-letters': [
    /^flaky: worked at attempt 3$/m,
    /^hopeless: ServiceDown: still nobody$/m,
    /mail\.picky .* negative amount -1$/m,
    /mail\.newsletter .* no task mail\.newsletter/m,
    /^1 sent back to celery\.$/m,
    /^newsletter: sent to ann$/m,
  ],
  drizzle: shipped,
  hello: [/^Called as [\w-]+, by process \d+$/m, /^Hello Ann, from process \d+$/m, /ended with 0$/m],
  kysely: shipped,
  'mikro-orm': shipped,
  objection: shipped,
  prisma: shipped,
  sequelize: shipped,
  typeorm: shipped,
  web: [/^POST \/reports answered 202$/m, /^GET answered SUCCESS: 9 words, the longest is 'sleeping'$/m],
}

const examples = readdirSync(path.join(root, 'examples'), { withFileTypes: true }).filter((entry) =>
  entry.isDirectory(),
)

describe('examples', () => {
  for (const { name } of examples) {
    it(`${name} does what it says`, async () => {
      const { code, out, err } = await run(process.execPath, [path.join('examples', name, 'main.ts')], root)
      assert.equal(code, 0, out + err)
      const expected = outputs[name] ?? []
      assert.ok(expected.length > 0, `say in this test what ${name} prints`)
      for (const line of expected) assert.match(out, line)
    })

    it(`${name} is in the list of examples`, () => {
      assert.match(read('examples/README.md'), new RegExp(`npx node examples/${name}/main\\.ts`))
    })
  }

  it('hello runs its worker in another process', async () => {
    const { out } = await run(process.execPath, [path.join('examples', 'hello', 'main.ts')], root)
    const pids = Array.from(out.matchAll(/process (\d+)/g), ([, pid]) => pid)
    assert.equal(new Set(pids).size, 2, out)
  })
})
