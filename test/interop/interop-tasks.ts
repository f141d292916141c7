import { currentTask, Decimal, PlainDate, PlainTime, Uuid, type Celeriac } from '../../src/index.ts'

class CustomError extends Error {
  override readonly name = 'CustomError'
}

class ValueError extends Error {
  override readonly name = 'ValueError'
}

/** The TypeScript half of the tasks; the other is in python/interop_app.py. */
export function defineInteropTasks(
  app: Celeriac,
  note: (key: string, text: string) => Promise<void>,
  who = 'ts',
): void {
  app.task('ts.echo', (...args: unknown[]) => args)
  app.task('ts.same', (value: unknown) => value)
  app.task('ts.named', { parameters: ['x', 'y'] }, (x: unknown, y: unknown) => ({ x, y }))
  app.task('ts.add', (x: number, y: number) => x + y)
  app.task('ts.sum', (values: number[]) => values.reduce((sum, value) => sum + value, 0))
  app.task('ts.types', types)
  app.task('ts.context', () => currentTask().request)
  app.task('ts.fail', (kind: string) => {
    if (kind === 'custom') throw new CustomError('first')
    throw new TypeError('no such thing: ümläut')
  })
  app.task('ts.retried', { maxRetries: 5 }, (times: number) => {
    const { retries, id, rootId } = currentTask().request
    if (retries < times) currentTask().retry({ countdown: 0, error: new Error('again') })
    return [retries, id, rootId]
  })
  app.task('ts.calls', async (name: string, ...args: unknown[]) => (await app.send(name, args, { queue: 'py' })).id)
  app.task('ts.noted', (key: string, text?: string) => note(key, text ?? 'ts'))
  app.task('both.run', async (key: string, text: string, seconds?: number) => {
    await note(key, `begin ${who} ${text}`)
    await new Promise((resolve) => setTimeout(resolve, (seconds ?? 0) * 1000))
    await note(key, `end ${who} ${text}`)
    return who
  })
  app.task('both.add', (x: number, y: number) => x + y)
  app.task('both.sum', (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0))
  app.task('both.fail', () => {
    throw new ValueError('no such thing')
  })
  app.task('both.noted', (key: string) => note(key, 'ts'))
}

/** The types of what arrived, as TypeScript sees them. */
function types(value: unknown): unknown {
  if (value instanceof Date) return `Date ${value.toISOString()}`
  if (value instanceof Uint8Array) return `bytes ${[...value].join(' ')}`
  for (const kind of [Decimal, PlainDate, PlainTime, Uuid]) {
    if (value instanceof kind) return `${kind.name} ${value.text}`
  }
  if (Array.isArray(value)) return value.map(types)
  if (typeof value !== 'object' || value === null) return `${typeof value} ${String(value)}`
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, types(each)]))
}
