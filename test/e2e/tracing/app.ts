import { trace } from '@opentelemetry/api'
import { Celeriac, currentTask, Ignore, type Task } from '../../../src/index.ts'
import { traceTasks } from '../../../src/opentelemetry/opentelemetry.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { writeSpansTo } from './span-file.ts'

const { TRACING_FILE = '', TRACING_URL = 'memory:tracing' } = process.env

writeSpansTo(TRACING_FILE)
export const tracing: Disposable = traceTasks()

export const app: Celeriac = new Celeriac('tracing', {
  broker: TRACING_URL,
  backend: TRACING_URL,
  logger: createLogger({ level: 'silent' }),
})

export const add: Task<[x: number, y: number], number> = app.task('tracing.add', (x: number, y: number) => x + y)
export const sum: Task<[numbers: readonly number[]], number> = app.task('tracing.sum', (numbers: readonly number[]) =>
  numbers.reduce((a, b) => a + b, 0),
)

/** Calls another, after a turn of the event loop and inside a span of its own. */
export const parent: Task<[], string> = app.task('tracing.parent', async () => {
  await currentTask().sleep('5ms')
  return trace.getTracer('tracing').startActiveSpan('by hand', async (span) => {
    const { id } = await add.delay(1, 2)
    span.end()
    return id
  })
})

export const flaky: Task<[], number> = app.task(
  'tracing.flaky',
  { autoretryFor: [RangeError], retryDelay: 0, maxRetries: 3 },
  () => {
    const { retries } = currentTask().request
    if (retries < 2) throw new RangeError(`attempt ${retries}`)
    return retries
  },
)

export const fail: Task<[], never> = app.task('tracing.fail', () => {
  throw new TypeError('no such price')
})

class SoldOut extends Error {}
export const expected: Task<[], never> = app.task('tracing.expected', { throws: [SoldOut] }, () => {
  throw new SoldOut('sold out')
})

export const ignore: Task<[], never> = app.task('tracing.ignore', () => {
  throw new Ignore('nothing to do')
})
