import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { openBackend } from '../../src/backends/open-backend.ts'
import { createLogger } from '../../src/util/logger.ts'
import { openResultCleanup } from '../../src/worker/result-cleanup.ts'

describe('the cleanup of results', () => {
  for (const [expiresMs, pauseMs] of [
    [86_400_000, 600_000],
    [120_000, 120_000],
    [1000, 60_000],
  ] as const) {
    it(`deletes what expired after ${expiresMs / 1000} s within the first minute, and then every ${pauseMs / 1000} s`, async () => {
      const backend = await openBackend('memory:', { expiresMs: 1000 })
      mock.timers.enable({ apis: ['setTimeout', 'Date'] })
      const lines: string[] = []
      const log = createLogger({ pretty: true, stream: { write: (text) => lines.push(text) } })
      const cleanup = openResultCleanup(backend, log, expiresMs)
      try {
        for (const round of [60_000, pauseMs]) {
          lines.length = 0
          await backend.store({ taskId: 'old', status: 'SUCCESS', result: 1, dateDone: new Date() })
          mock.timers.tick(round)
          for (let turn = 0; turn < 20; turn++) await Promise.resolve()
          assert.match(lines.join(''), /Deleted 1 expired/)
        }
      } finally {
        mock.timers.reset()
        await cleanup[Symbol.asyncDispose]()
        await backend[Symbol.asyncDispose]()
      }
    })
  }
})
