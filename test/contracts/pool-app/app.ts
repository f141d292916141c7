// The app of the tests of pools. Slots import it as any other app: what its tasks do shows in outcomes, results and lines.
import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'
import { Celeriac, currentTask, Ignore, OperationalError, type Task, type TaskContext } from '../../../src/index.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { holdInNativeCode } from './native-code.ts'

export const app: Celeriac = new Celeriac('pools', {
  broker: process.env['POOL_APP_URL'] ?? 'memory:',
  logger: createLogger({ level: 'error', pretty: false }),
  settings: { worker_shutdown_timeout: '5s', task_max_deliveries: Number(process.env['POOL_APP_MAX_DELIVERIES'] ?? 2) },
})

app.on('workerProcessInit', () => app.log.info({ pid: process.pid }, 'slot begins'))
app.on('workerProcessShutdown', () => app.log.info({ pid: process.pid }, 'slot ends'))

export const add: Task<[x: number, y: number], number> = app.task('pool.add', (x: number, y: number) => x + y)
export const sum: Task<[numbers: readonly number[]], number> = app.task('pool.sum', (numbers: readonly number[]) =>
  numbers.reduce((a, b) => a + b, 0),
)
app.task('pool.where', () => ({ pid: process.pid, threadId }))
/** What the files and sockets that it has open are. */
app.task('pool.descriptors', () =>
  readdirSync('/proc/self/fd').flatMap((fd) => (Number(fd) > 2 ? targetOf(`/proc/self/fd/${fd}`) : [])),
)
app.task('pool.env', (name: string) => process.env[name])
app.task('pool.log', (text: string) => currentTask().log.warn({ err: new RangeError(text) }, 'a line: {err}'))
app.task('pool.sleep', (ms: number) => pause(ms, ms))

/** Says why it was told to stop. */
app.task('pool.wait', async () => {
  try {
    await currentTask().sleep('1m')
    return 'slept'
  } catch (error) {
    return (error as Error).name
  }
})
/** Where and when it ran. */
app.task('pool.span', async (ms: number) => {
  const beganMs = Date.now()
  await pause(ms)
  return { pid: process.pid, threadId, beganMs, endedMs: Date.now() }
})
app.task('pool.unaware', () => currentTask().sleep('1m'))

/** Never comes back to the event loop. */
app.task('pool.spin', () => {
  for (;;);
})
app.task('pool.native', holdInNativeCode)
app.task('pool.work', (ms: number) => {
  const end = performance.now() + ms
  while (performance.now() < end);
  return ms
})

app.task('pool.fail', () => {
  throw new RangeError('too far')
})
app.task('pool.failOddly', () => {
  throw Object.assign(new Error('odd'), { detail: () => 'a function', cause: { nested: Symbol('odd') } })
})
app.task('pool.ignore', () => {
  throw new Ignore()
})
app.task('pool.flaky', { retryDelay: 0 }, function (this: TaskContext) {
  if (this.request.retries < 2) this.retry({ error: new Error('not yet') })
  return this.request.retries
})
app.task('pool.retry', { retryDelay: '1h' }, function (this: TaskContext) {
  this.retry({ error: new Error('busy') })
})
app.task('pool.circular', () => {
  const value: Record<string, unknown> = {}
  value['self'] = value
  return value
})
app.task('pool.progress', async function (this: TaskContext) {
  try {
    await this.updateState('PROGRESS', { percent: 50 })
    return 'done'
  } catch (error) {
    return error instanceof OperationalError ? 'the store is away' : error
  }
})

app.task('pool.exit', () => process.exit(3))
app.task('pool.reject', async () => {
  void Promise.reject(new Error('nobody handles this'))
  await pause(60_000)
})
app.task('pool.rejectSecret', { secret: true }, async (card: string) => {
  void Promise.reject(new Error(`the bank refused ${card}`))
  await pause(60_000)
})
app.task('pool.kill', () => process.kill(process.pid, 'SIGKILL'))
app.task('pool.fill', () => {
  const kept: unknown[][] = []
  for (;;) kept.push(Array.from({ length: 500_000 }).fill(kept.length + 0.5))
})
/** Its slot takes so much more from now on. */
app.task('pool.keep', (mb: number) => keeping.push(new Float64Array(mb * 131_072).fill(0.5)))
const keeping: Float64Array[] = []

app.task('pool.isolated', { isolate: 'thread' }, async (ms: number) => {
  await pause(ms)
  return { pid: process.pid, threadId }
})
app.task('pool.isolatedSpin', { isolate: 'thread', timeLimit: '300ms' }, () => {
  for (;;);
})
app.task('pool.apart', { isolate: 'process' }, () => ({ pid: process.pid, threadId }))
app.task('pool.atMostOnce', { acksLate: false }, (x: number) => x + 1)
app.task('pool.early', { acksLate: false }, () => process.exit(3))

app.task('pool.echo', (value: unknown) => value)
app.task('pool.started', { trackStarted: true }, () => currentTask().sleep('1m'))
app.task('pool.parent', async (x: number) => (await app.send('pool.add', [x, 1])).id)
app.task('pool.waitFor', async (x: number) => (await app.send<number>('pool.add', [x, 1])).get({ timeout: '10s' }))

/** Nothing for one that is closed by now. */
function targetOf(link: string): string | [] {
  try {
    return readlinkSync(link)
  } catch {
    return []
  }
}
