import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { isGone, ownIdentity } from '../../src/brokers/process-identity.ts'

const own = ownIdentity()
const skip = own.host === null ? 'this system does not tell when a process started' : false

describe('process identity', () => {
  it('does not call a process gone that lives', { skip }, () => {
    assert.equal(isGone(own, own), false)
  })

  it('calls a process gone that has ended, also before its parent has noticed', { skip }, async () => {
    // The shell does not wait for its child: a zombie stays until the shell ends.
    const shell = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [text] = (await once(shell.stdout, 'data')) as [Buffer]
    const pid = Number(text.toString())
    const readStat = (): string => readFileSync(`/proc/${pid}/stat`, 'utf8')
    while (!/\) Z /.test(readStat())) await new Promise((resolve) => setTimeout(resolve, 2))
    assert.equal(isGone({ ...own, pid, started: '1' }, own), true)
    shell.kill()
    await once(shell, 'exit')
    assert.equal(isGone({ ...own, pid: shell.pid ?? 0, started: '1' }, own), true)
  })

  it('calls a process gone whose pid was used again', { skip }, () => {
    assert.equal(isGone({ ...own, started: '1' }, own), true)
  })

  it('knows nothing of other hosts', () => {
    assert.equal(isGone({ host: 'other', pid: 999_999_999, started: '1' }, own), false)
    assert.equal(isGone({ host: null, pid: 999_999_999, started: null }, own), false)
  })
})
