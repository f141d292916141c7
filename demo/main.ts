import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { printReport, type Report } from './report.ts'
import { runDemo } from './run-demo.ts'

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => interrupted.abort(new Error(`stopped by ${signal}`)))
}
const tooLong = AbortSignal.timeout(120_000)
const folder = await mkdtemp(path.join(tmpdir(), 'celeriac-demo-'))
try {
  const report: Report = await runDemo(folder, {
    silent: values.json,
    signal: AbortSignal.any([interrupted.signal, tooLong]),
  })
  printReport(report, values.json)
  process.exitCode = report.checks.every(({ holds }) => holds) ? 0 : 1
} catch (error) {
  console.error(`The demo did not finish: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = interrupted.signal.aborted ? 130 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
