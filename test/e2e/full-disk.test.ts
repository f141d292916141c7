import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { OperationalError } from '../../src/index.ts'
import { openFaultSite } from './faults/site.ts'

const disk = mkdtempSync(path.join(os.tmpdir(), 'celeriac-disk-'))
const missing = mountSmallDisk(disk)

/** Undefined, or why there can be none here. */
function mountSmallDisk(folder: string): string | undefined {
  if (process.platform !== 'linux') return 'a small disk is mounted on Linux only'
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'celeriac-test', folder], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    return `no permission to mount a small disk: ${(error as Error).message}`
  }
}

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(disk)
  return bavail * bsize
}

describe('a full disk', { skip: missing ?? false }, () => {
  after(() => {
    if (missing === undefined) execFileSync('umount', ['--lazy', disk])
    rmSync(disk, { recursive: true })
  })

  it('makes calls reject and loses nothing that was accepted; work goes on once there is room', async () => {
    const filler = path.join(disk, 'filler')
    writeFileSync(filler, Buffer.alloc(freeBytes() - 3 * 1024 ** 2))
    await using site = await openFaultSite({ url: `sqlite:${disk}/queue.db`, transportOptions: { leaseSeconds: 2 } })
    const worker = await site.startWorker({ concurrency: 1 })
    const accepted: string[] = []
    let refusal: unknown
    for (let n = 0; refusal === undefined; n++) {
      assert.ok(n < 10_000, 'the disk does not get full')
      const id = `${n}.${'x'.repeat(4000)}`
      await site.app.send('faults.note', [id, 10], { retry: false }).then(
        () => accepted.push(id),
        (error: unknown) => (refusal = error),
      )
    }
    assert.ok(refusal instanceof OperationalError, `refused with ${(refusal as Error).name}`)
    assert.match(refusal.message, /full/)
    writeFileSync(path.join(disk, 'rest'), Buffer.alloc(freeBytes()))
    // What it gets done in the room that SQLite has in reserve is its affair. It must not end.
    await sleep(2000)
    assert.equal(worker.exitCode, null)
    truncateSync(filler)
    truncateSync(path.join(disk, 'rest'))
    const last = await site.app.send('faults.note', ['last', 1])
    await last.get({ timeout: '30s' })
    const broker = await site.app.openBroker()
    while ((await broker.count('celery')) > 0) await sleep(50)
    const ran = new Set(site.lines())
    assert.deepEqual(
      accepted.filter((id) => !ran.has(id)).map((id) => id.slice(0, 10)),
      [],
    )
  })
})
