import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'

const main = path.resolve(import.meta.dirname, '../../demo/main.ts')

interface DemoReport {
  readonly cities: number
  readonly calls: number
  readonly failures: number
  readonly retries: number
  readonly tasksPerSecond: number
  readonly checks: readonly { readonly claim: string; readonly holds: boolean }[]
}

describe('npm run demo', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'celeriac-demo-test-'))
  })
  after(() => rm(folder, { recursive: true }))

  const env = (): NodeJS.ProcessEnv => ({ ...process.env, TMPDIR: folder })

  it('runs on real rows, proves its claims, and leaves nothing behind', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [main, '--json'], { env: env() })
    const report = JSON.parse(stdout) as DemoReport
    assert.ok(report.cities > 100_000)
    assert.equal(report.failures, 0)
    assert.ok(report.retries > 0)
    assert.ok(report.tasksPerSecond > 0)
    assert.equal(report.checks.length, 8)
    for (const { claim, holds } of report.checks) assert.ok(holds, claim)
    assert.deepEqual(await readdir(folder), [])
  })

  it('stops at the first Ctrl-C, and leaves nothing behind', async () => {
    const demo = spawn(process.execPath, [main], { env: env(), stdio: ['ignore', 'pipe', 'inherit'] })
    demo.stdout.setEncoding('utf8')
    for await (const text of demo.stdout as AsyncIterable<string>) if (text.includes('Running tasks')) break
    demo.kill('SIGINT')
    const [code] = await once(demo, 'exit')
    assert.equal(code, 130)
    assert.deepEqual(await readdir(folder), [])
  })
})
