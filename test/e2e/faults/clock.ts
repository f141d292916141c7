// Preloaded into a process, its threads too: the wall clock is off by the milliseconds that a file says, from the next look on.
import { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import threads, { type WorkerOptions } from 'node:worker_threads'

const file = process.env['FAULTS_CLOCK']
if (file === undefined) throw new Error('FAULTS_CLOCK must be set')
const RealDate = Date
let offsetMs = 0
let readAt = Number.NEGATIVE_INFINITY

function now(): number {
  if (performance.now() - readAt > 5) {
    readAt = performance.now()
    offsetMs = Number(readFileSync(file as string, 'utf8'))
  }
  return RealDate.now() + offsetMs
}

globalThis.Date = class Date extends RealDate {
  constructor(...args: readonly unknown[]) {
    super(...((args.length === 0 ? [now()] : args) as []))
  }

  static override now(): number {
    return now()
  }
} as DateConstructor

const RealWorker = threads.Worker
threads.Worker = class Worker extends RealWorker {
  constructor(main: string | URL, options: WorkerOptions = {}) {
    super(main, { ...options, execArgv: [...(options.execArgv ?? process.execArgv), '--import', import.meta.url] })
  }
}
syncBuiltinESMExports()
