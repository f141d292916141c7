import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Celeriac } from '../../src/index.ts'
import { until } from '../support/until.ts'

const bin = path.resolve(import.meta.dirname, '../../bin/celeriac.mjs')
let folder = ''
let app: Celeriac

/** `celeriac events …` on the broker of the tests, without an app; ended by a signal as in a terminal. */
class Watch implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown[]>
  out = ''
  err = ''

  constructor(before: readonly string[], after: readonly string[]) {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CELERY_')))
    const args = [bin, '-b', `sqlite:${path.join(folder, 'queue.db')}`, ...before, 'events', ...after]
    this.#child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stdout?.on('data', (text: Buffer) => (this.out += String(text)))
    this.#child.stderr?.on('data', (text: Buffer) => (this.err += String(text)))
    this.#ended = once(this.#child, 'exit')
  }

  async end(): Promise<unknown> {
    this.#child.kill('SIGTERM')
    return (await this.#ended)[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}

before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-events-'))
  app = new Celeriac('shop', { broker: `sqlite:${path.join(folder, 'queue.db')}` })
  await fs.writeFile(path.join(folder, 'package.json'), '{ "type": "module" }')
  await fs.writeFile(
    path.join(folder, 'camera.ts'),
    `import fs from 'node:fs'
export class Camera {
  clearAfter = true
  onShutter(state: { eventCount: number }) { fs.writeFileSync('picture', String(state.eventCount)) }
}
`,
  )
})

after(async () => {
  await app.close()
  await fs.rm(folder, { recursive: true, force: true })
})

describe('celeriac events', () => {
  it('prints each event on a line, for people and as JSON, until it is told to stop', async () => {
    await using dump = new Watch([], ['--dump'])
    await using json = new Watch(['--json'], [])
    await until('both listen', () => dump.err.includes('listening') && json.err.includes('listening'))
    app.events.send('order-paid', { order: 7 })
    await until('both heard it', () => dump.out.includes('order=7') && json.out.includes('}\n'))
    assert.match(dump.out, /^gen\d+@\S+ \[\S+\] order paid: clock=\d+, order=7, pid=\d+/m)
    assert.equal((JSON.parse(json.out) as { readonly type: unknown }).type, 'order-paid')
    assert.deepEqual([await dump.end(), await json.end()], [0, 0])
  })

  it('shows the state to a camera again and again', async () => {
    await using watch = new Watch([], ['--camera', './camera.ts:Camera', '--frequency', '50ms'])
    const picture = path.join(folder, 'picture')
    await until('there is a picture', () =>
      fs.readFile(picture).then(
        () => true,
        () => false,
      ),
    )
    app.events.send('order-paid', { order: 7 })
    await until('it shows the event', async () => (await fs.readFile(picture, 'utf8')) === '1')
    assert.equal(await watch.end(), 0)
  })

  it('says what it needs where there is no terminal, or no camera', async () => {
    await using watch = new Watch([], [])
    await until('it says so', () => watch.err.includes('needs a terminal; give --dump or --json'))
    await using blind = new Watch([], ['--camera', './camera.ts:Nothing'])
    await until('it says so', () => /exports no camera as Nothing/.test(blind.err))
  })
})
