import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { describe, it } from 'node:test'

function runWith(code: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const script = path.resolve(import.meta.dirname, 'driver-errors/worker.ts')
  return spawnSync(process.execPath, [script, code], { encoding: 'utf8', timeout: 60_000 })
}

describe('an error that escapes in a worker process', () => {
  it('does not end it if it says that a database connection died', () => {
    const { status, stdout, stderr } = runWith('57P01')
    assert.equal(status, 0, stderr)
    assert.match(stdout, /still here/)
    assert.match(stderr, /A database driver let an error escape, the worker goes on: an error event that nobody heard/)
  })

  it('ends it if it says anything else, with the error for people to see', () => {
    const { status, stdout, stderr } = runWith('SOMETHING_ELSE')
    assert.equal(status, 1)
    assert.doesNotMatch(stdout, /still here/)
    assert.match(stderr, /An error that nobody caught, of task demo\.escape\[[-\w]+\], ends this worker/)
    assert.match(stderr, /Error: an error event that nobody heard\n {4}at /)
  })
})
