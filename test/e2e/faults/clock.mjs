// Preloaded into a process, its threads too: the wall clock is off by the milliseconds that a file says, from the next look on.
import { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import threads from 'node:worker_threads'

const file = process.env.FAULTS_CLOCK
const RealDate = Date
let offsetMs = 0
let readAt = Number.NEGATIVE_INFINITY

function now() {
  if (performance.now() - readAt > 5) {
    readAt = performance.now()
    offsetMs = Number(readFileSync(file, 'utf8'))
  }
  return RealDate.now() + offsetMs
}

globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [now()] : args))
  }

  static now() {
    return now()
  }
}

const RealWorker = threads.Worker
threads.Worker = class Worker extends RealWorker {
  constructor(file, options = {}) {
    super(file, { ...options, execArgv: [...(options.execArgv ?? process.execArgv), '--import', import.meta.url] })
  }
}
syncBuiltinESMExports()
