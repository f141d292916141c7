import type { Celeriac } from './app.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { maybeCurrentTask } from './context.ts'
import { taskSignature, type Signature, type TaskSignatureOptions } from './signature.ts'
import type { DefineTask } from './task-definition.ts'
import { callerPlace, createTask, taskDefinition, type Task } from './task.ts'
import { refuseDuplicate } from './task-registry.ts'

// The two things that are global on purpose: a shared task needs no app at hand.
let current: Celeriac | undefined
const shared = new Map<string, Task>()

/** Tasks without an app; every app has them. */
export const sharedTasks: ReadonlyMap<string, Task> = shared

/** The app of the running task, else the one made last. Throws if there is none. */
export function currentApp(): Celeriac {
  const app = maybeCurrentTask()?.app ?? current
  if (!app)
    throw new ImproperlyConfigured(
      "there is no app yet: make one with new Celeriac('name') before calling a shared task",
    )
  return app
}

/** Makes `app` the one that shared tasks mean outside a running task. A new app does so by itself. */
export function setCurrentApp(app: Celeriac): void {
  current = app
}

/** @internal Forgets `app` if it is the current one. */
export function unsetCurrentApp(app: Celeriac): void {
  if (current === app) current = undefined
}

/** A call of a task by its name as a signature of the current app. */
export function signature<R = unknown>(
  taskName: string,
  args: readonly unknown[] = [],
  options: TaskSignatureOptions = {},
): Signature<readonly unknown[], R> {
  return taskSignature(currentApp, taskName, args, options)
}

/** Defines a task that needs no app and belongs to every app; a call goes through the current one. */
export const sharedTask: DefineTask = ((name: string, first: unknown, second?: unknown): Task => {
  const place = callerPlace(sharedTask)
  const task = createTask(name, taskDefinition(first, second), place, currentApp)
  refuseDuplicate(shared.get(name), place)
  shared.set(name, task)
  return task
}) as DefineTask
