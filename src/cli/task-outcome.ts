import type { Celeriac } from '../app/app.ts'
import type { AsyncResult } from '../app/async-result.ts'
import { formatRemoteError, isRemoteError } from '../protocol/remote-error.ts'
import { isException } from '../protocol/states.ts'
import { ImproperlyConfigured, TaskError, TaskRevoked } from '../errors.ts'
import type { Duration } from '../util/duration.ts'
import { printable, show, type Printer } from './output.ts'

/** What is known of a task, as `call --wait` and `result` print it. */
export interface TaskOutcome {
  readonly taskId: string
  readonly state: string
  readonly result?: unknown
  readonly error?: string
  readonly traceback?: string | undefined
  readonly dateDone?: Date | undefined
}

/** Throws ImproperlyConfigured where results are not kept: nothing could ever be shown. */
export async function openResults(app: Celeriac): Promise<void> {
  if (!app.keepsResults)
    throw new ImproperlyConfigured(
      `app ${app.name} has no result backend: name it with --result-backend <url>, or in result_backend, or name the module of the app with -A`,
    )
  await app.resultWatcher()
}

/** Waits until the task is over; throws TimeoutError after `timeout`. */
export async function waitForOutcome(result: AsyncResult, timeout: Duration | undefined): Promise<TaskOutcome> {
  try {
    await result.get(timeout === undefined ? {} : { timeout })
  } catch (error) {
    // How it ended is in what is stored.
    if (!(error instanceof TaskError) && !(error instanceof TaskRevoked)) throw error
  }
  return currentOutcome(result)
}

/** What is stored of the task now. */
export async function currentOutcome(result: AsyncResult): Promise<TaskOutcome> {
  const meta = await result.meta()
  if (!meta) return { taskId: result.id, state: 'PENDING' }
  const { status: state, dateDone } = meta
  const common = { taskId: result.id, state, dateDone }
  if (!isException(state) || !isRemoteError(meta.result)) return { ...common, result: meta.result }
  return { ...common, error: formatRemoteError(meta.result), traceback: meta.traceback ?? meta.result.traceback }
}

export function showOutcome(
  printer: Printer,
  outcome: TaskOutcome,
  options: { readonly traceback?: boolean } = {},
): void {
  printer.result(outcome, text(printer, outcome, options.traceback ?? false))
}

function text(printer: Printer, outcome: TaskOutcome, withTraceback: boolean): string {
  const { state, error, traceback } = outcome
  if (state === 'SUCCESS') return show(outcome.result)
  if (state === 'PENDING')
    return 'PENDING (nothing is known of it: it waits, or there is no such task, or its result has expired; celeriac explain says which)'
  if (error === undefined) return `${printable(state)} ${show(outcome.result)}`
  const line = `${printer.paint('red', printable(state))} ${printable(error)}`
  return withTraceback && traceback !== undefined
    ? `${line}\n${traceback.trimEnd().split('\n').map(printable).join('\n')}`
    : line
}
