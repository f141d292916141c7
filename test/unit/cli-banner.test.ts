import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { it } from 'node:test'
import { main } from '../../src/cli/main.ts'

it('a worker at a terminal says first what it is', async () => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-banner-'))
  try {
    const index = JSON.stringify(path.resolve('src/index.ts'))
    const module = path.join(folder, 'app.ts')
    await fs.writeFile(
      module,
      `import { Celeriac } from ${index}
export const app = new Celeriac('shop', { broker: 'memory:banner', backend: 'memory:banner' })
app.task('shop.add', (x: number, y: number) => x + y)
`,
    )
    let err = ''
    const code = await main(['-A', module, 'worker', '-n', 'one@here', '-P', 'solo', '-Q', 'mail,celery', '--drain'], {
      out: { write: () => true },
      err: { write: (text) => (err += text), isTTY: true },
      env: {},
      isInteractive: false,
      ask: () => Promise.resolve(''),
    })
    const banner = `\
 one@here
  app:         shop (${module})
  broker:      memory:banner
  results:     memory:banner
  concurrency: 1 (solo)
  queues:      mail, celery
  tasks:     `
    assert.equal(err.slice(0, banner.length), banner)
    assert.match(err, /^ {2}tasks: {7}.*shop\.add/m)
    assert.equal(code, 0)
  } finally {
    await fs.rm(folder, { recursive: true })
  }
})
