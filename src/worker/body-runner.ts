import type { Celeriac } from '../app/app.ts'
import { bindArguments, validate } from '../app/arguments.ts'
import { runInContext, type TaskContext } from '../app/context.ts'
import type { Arguments } from '../app/model-declaration.ts'
import type { ArgumentLoad } from '../app/model-loading.ts'
import { LoanLost } from '../errors.ts'
import type { Job } from '../pools/pool.ts'
import type { ExecutorOptions, TaskAttempt } from './attempt.ts'

/** From the arguments of a message to what the body returned: loaded, bound, validated, called. */
export class BodyRunner {
  readonly #app: Celeriac
  readonly #options: ExecutorOptions

  constructor(app: Celeriac, options: ExecutorOptions) {
    this.#app = app
    this.#options = options
  }

  /** The value or a promise of it. Throws or rejects with what the body threw, or with why it was not called. */
  run(attempt: TaskAttempt): unknown {
    if (this.#isPlain(attempt)) return this.#runPlain(attempt)
    const { models } = this.#app
    return models.isEmpty ? this.#runLoaded(attempt) : models.runTask(() => this.#runLoaded(attempt))
  }

  /** Nothing is to be loaded, validated, stored or told before the body runs: most tasks of most programs. */
  #isPlain({ task, options, job, ignoresResult }: TaskAttempt): boolean {
    const { models, signals } = this.#app
    const { input, output } = task.options
    const isSimple = !input && !output && !task.declaration.isDeclared && (!options.trackStarted || ignoresResult)
    return isSimple && models.isEmpty && !mayNameModels(job) && !signals.has('taskPrerun')
  }

  /** As `#runLoaded`, without a turn of the event loop. */
  #runPlain(attempt: TaskAttempt): unknown {
    const { args, kwargs } = attempt.body
    attempt.open(args, kwargs)
    return this.#call(attempt, bindArguments(attempt.task, args, kwargs))
  }

  /** In a transaction if the task locks rows: they are read in it, and it ends with the body. */
  async #runLoaded(attempt: TaskAttempt): Promise<unknown> {
    const { models } = this.#app
    const { task } = attempt
    // what follows in a workflow is loaded by the tasks that get it
    const { args, kwargs } = attempt.body
    const mayHoldModels = !models.isEmpty || task.declaration.isDeclared || mayNameModels(attempt.job)
    const load = mayHoldModels ? models.argumentLoad(task.declaration, { args, kwargs }) : undefined
    if (!load?.lockedIn) return this.#runWith(attempt, await this.#loaded(attempt, load))
    const mayRepeat = (): boolean => attempt.context === undefined
    return models.inTransaction(load.lockedIn, mayRepeat, async () => {
      const value = await this.#runWith(attempt, await this.#loaded(attempt, load))
      // What nobody accepts any more must not be committed either.
      const isAccepted = (await attempt.slot.isAccepted?.()) ?? true
      if (!isAccepted || !attempt.bodyReturned())
        throw new LoanLost('what the attempt did is not accepted any more: rolled back')
      return value
    })
  }

  #loaded(attempt: TaskAttempt, load: ArgumentLoad | undefined): Arguments | Promise<Arguments> {
    return load ? load.load(attempt) : attempt.body
  }

  async #runWith(attempt: TaskAttempt, loaded: Arguments): Promise<unknown> {
    const { models } = this.#app
    const args = await this.#prepare(attempt, loaded)
    let value = await this.#call(attempt, args)
    const { output } = attempt.task.options
    if (output) value = await validate(output, value, `${attempt.task.name} returned a wrong result`)
    return models.isEmpty ? value : models.toReferences(value, 'result')
  }

  /** Arguments as the body gets them: bound, validated. */
  async #prepare(attempt: TaskAttempt, { args, kwargs }: Arguments): Promise<readonly unknown[]> {
    const { signals } = this.#app
    const { task, taskId } = attempt
    const context = attempt.open(args, kwargs)
    if (attempt.options.trackStarted && !attempt.ignoresResult) {
      await attempt.store({ status: 'STARTED', result: { pid: process.pid, hostname: this.#options.hostname } })
    }
    let bound = bindArguments(task, args, kwargs)
    const { input } = task.options
    if (input) bound = (await validate(input, bound, `${task.name} got wrong arguments`)) as readonly unknown[]
    if (signals.has('taskPrerun'))
      await signals.emit('taskPrerun', { taskName: task.name, taskId, context, args: bound })
    return bound
  }

  #call(attempt: TaskAttempt, args: readonly unknown[]): unknown {
    const context = attempt.context as TaskContext
    const { blockWarningMs, onBlocked } = this.#options
    const enteredAt = performance.now()
    try {
      return runInContext(context, () => attempt.task.body.apply(context, args as unknown[]))
    } finally {
      const blockedMs = performance.now() - enteredAt
      if (blockWarningMs !== undefined && blockedMs >= blockWarningMs)
        onBlocked?.(attempt.task.name, attempt.taskId, blockedMs)
    }
  }
}

/** Without an ORM the arguments are not searched: the text tells whether a reference may be among them. */
function mayNameModels({ message: { body } }: Job): boolean {
  return typeof body !== 'string' || body.includes('"model"')
}
