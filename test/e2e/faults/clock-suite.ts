import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { until } from '../../support/worker-harness.ts'
import type { FaultSite } from './site.ts'

const hourMs = 3_600_000

/** What workers promise when the wall clock of their host is set. Leases are of some seconds. */
export function describeClockSteps(
  name: string,
  openSite: () => Promise<FaultSite>,
  skip: string | false = false,
): void {
  describe(name, { skip }, () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'celeriac-clock-'))
    const file = path.join(folder, 'offset')
    const setClock = (offsetMs: number): void => writeFileSync(file, String(offsetMs))
    const { NODE_OPTIONS } = process.env
    before(() => {
      process.env['FAULTS_CLOCK'] = file
      process.env['NODE_OPTIONS'] = `${NODE_OPTIONS ?? ''} --import ${path.join(import.meta.dirname, 'clock.ts')}`
    })
    after(() => {
      delete process.env['FAULTS_CLOCK']
      if (NODE_OPTIONS === undefined) delete process.env['NODE_OPTIONS']
      else process.env['NODE_OPTIONS'] = NODE_OPTIONS
      rmSync(folder, { recursive: true })
    })

    for (const [step, offsetMs] of [
      ['forward', hourMs],
      ['back', -hourMs],
    ] as const) {
      it(`run each task once while the clock is set an hour ${step}`, async () => {
        setClock(0)
        await using site = await openSite()
        await Promise.all([site.startWorker(), site.startWorker()])
        // So that they run through the step, renewals and the looks of the other worker.
        const long = await Promise.all(Array.from({ length: 6 }, () => site.app.send<number>('faults.where', [4000])))
        await until('they began', () => site.lines().length >= 6)
        setClock(offsetMs)
        const short = await Promise.all(Array.from({ length: 300 }, (_, n) => site.app.send('faults.note', [n, n % 7])))
        await Promise.all([...long, ...short].map((result) => result.get({ timeout: '30s' })))
        assert.equal(site.lines().length, 6 + 6 + 300)
      })
    }

    it('lose no retry and no ETA to a clock that is set back and right again', async () => {
      setClock(0)
      await using site = await openSite()
      await site.startWorker()
      const calls = Array.from({ length: 50 }, (_, n) =>
        site.app.send<number>('faults.note', [n, 1], { countdown: '600ms' }),
      )
      const results = await Promise.all(calls)
      setClock(-hourMs)
      const now = await site.app.send('faults.note', ['now', 1])
      await now.get({ timeout: '20s' })
      setClock(0)
      await Promise.all(results.map((result) => result.get({ timeout: '20s' })))
      assert.equal(site.lines().length, 51)
    })
  })
}
