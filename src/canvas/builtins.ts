import type { Celeriac } from '../app/app.ts'
import { currentTask } from '../app/context.ts'
import { createTask, type Task, type TaskBody } from '../app/task.ts'
import type { TaskOptions } from '../app/task-options.ts'
import { InvalidArguments, NotRegistered } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { decodeSignature, type TaskSignature } from '../protocol/signature-json.ts'
import { unlockChord } from './chord-unlock.ts'
import { restTask } from './rest.ts'

type Body = TaskBody<readonly never[], unknown>

interface Builtin {
  readonly options: TaskOptions
  readonly body: Body
}

const repeated: TaskOptions = { parameters: ['task', 'it'] }

/** The tasks that Celery's own workflows are made of: they may land in any queue. */
const builtins: Readonly<Record<string, Builtin>> = {
  'celery.accumulate': { options: {}, body: accumulate },
  'celery.map': { options: repeated, body: (task: unknown, it: unknown) => each(task, it, (item) => [item]) },
  'celery.starmap': { options: repeated, body: (task: unknown, it: unknown) => each(task, it, listOf) },
  'celery.chord_unlock': {
    options: {
      parameters: ['group_id', 'callback', 'interval', 'max_retries', 'result'],
      maxRetries: Infinity,
      ignoreResult: true,
    },
    body: unlockChord,
  },
  // Its messages never get here: the worker itself runs them.
  [restTask]: { options: { acksLate: true, rateLimit: 0 }, body: () => undefined },
  'celery.backend_cleanup': {
    options: {},
    body: async () => (await currentTask().app.openBackend()).deleteExpired(),
  },
}

/** Makes the app run Celery's built-in tasks. They are in no list of its tasks. */
export function addBuiltins(app: Celeriac): void {
  if (app.tasks.get('celery.accumulate')) return
  for (const [name, { options, body }] of Object.entries(builtins)) {
    app.tasks.addBuiltin(createTask(name, { options, body }, 'celeriac', () => app) as unknown as Task)
  }
}

/** All arguments, or the one of `index`. */
function accumulate(...given: readonly unknown[]): unknown {
  const options = given.at(-1)
  const { kwargs } = currentTask().request
  if (Object.keys(kwargs).length === 0) return given
  const { index } = options as { readonly index?: unknown }
  const args = given.slice(0, -1)
  return typeof index === 'number' ? args[index] : args
}

async function each(given: unknown, items: unknown, argsOf: (item: unknown) => readonly unknown[]): Promise<unknown[]> {
  const { app } = currentTask()
  const signature = decodeSignature(given)
  const { task: name, args } = signature as TaskSignature
  const task = app.tasks.get(name)
  if (!task) throw new NotRegistered(`no task ${name} is registered in this worker`)
  const results: unknown[] = []
  for (const item of listOf(items)) results.push(await task(...argsOf(item), ...args))
  return results
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new InvalidArguments(`it must be a list, of lists for celery.starmap; got ${describeValue(value)}`)
}
