import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { Celeriac } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'
import { SnippetFolder, snippetsOf } from '../e2e/docs-snippets.ts'
import { until } from '../support/worker-harness.ts'
import { findInterop } from './interop-lab.ts'

const { skip, open } = await findInterop()

/** Blocks of docs/python.md, with the server of the test in place of the one on this host. */
function blocks(language: string, url: string): string[] {
  const found = snippetsOf('docs/python.md').filter((snippet) => snippet.language === language)
  return found.map(({ code }) => code.replaceAll('redis://localhost:6379/0', url).replaceAll('redis://localhost', url))
}

/** What the blocks export. */
interface Program {
  readonly app: Celeriac
  readonly resize: (picture: string, width: number) => Promise<string>
}

describe('docs/python.md', { skip }, () => {
  it('works as it is written', async () => {
    await using lab = await open()
    const { python } = lab.python
    await using written = await SnippetFolder.create([])
    const { folder } = written
    const [tasks = '', broadcast = '', call = ''] = blocks('python', lab.server.url)
    const [both = '', , news = ''] = blocks('ts', lab.server.url)
    await writeFile(path.join(folder, 'tasks.py'), `${tasks}\n${broadcast}\n`)
    await writeFile(
      path.join(folder, 'call.py'),
      `from tasks import app, order\n${call}\nprint(order.delay(20).get())\n`,
    )
    await writeFile(path.join(folder, 'app.ts'), both)
    await writeFile(path.join(folder, 'news.ts'), `${news.replace('const app', 'export const app')}\n`)

    const env = { PYTHONPATH: folder }
    const worker = await lab.startPythonWorker({ app: 'tasks', queues: 'py,news', env })
    const { resize, ...shop } = (await import(path.join(folder, 'app.ts'))) as Program
    await using app = shop.app
    assert.equal(await resize('a.png', 200), 'a.png at 200')
    app.setLogger(createLogger({ level: 'silent' }))
    await using _running = await lab.startWorkerOf(app, { queues: ['ts'] })

    await using teller = ((await import(path.join(folder, 'news.ts'))) as Program).app
    teller.setLogger(createLogger({ level: 'silent' }))
    await using _news = await lab.startWorkerOf(teller, { queues: ['news'], name: 'news@%h' })
    let refreshed = 0
    teller.on('taskSuccess', () => void refreshed++)
    const { stdout } = await promisify(execFile)(python, [path.join(folder, 'call.py')], {
      env: { ...process.env, ...env, PYTHONDONTWRITEBYTECODE: '1' },
    })
    assert.equal(await app.result(stdout.trim()).get({ timeout: '15s' }), 22)
    await until('the broadcast of Python ran here', () => refreshed > 0)
    await until('both broadcasts reached Python', () => worker.log.split('shop.refresh').length > 2)
  })
})
