import type { MissingPolicy } from './model-policy.ts'
import type { NullsAccepted } from './ref.ts'
import type { DeclaredTaskOptions, TaskOptions } from './task-options.ts'
import type { AnyParameter, BodyArguments, CallArguments } from './task-parameters.ts'
import type { Task, TaskBody } from './task.ts'

/** How a task is defined: `app.task` and `sharedTask`. */
export interface DefineTask {
  <A extends readonly unknown[], R>(name: string, body: TaskBody<A, R>): Task<A, Awaited<R>>
  /** With a parameter for each argument: `model(Order)`, `models(User)`, `lazy(User)`, `value<number>()`. */
  <const P extends readonly AnyParameter[], R>(
    name: string,
    takes: P,
    body: TaskBody<BodyArguments<P>, R>,
  ): Task<BodyArguments<P>, Awaited<R>, CallArguments<P>>
  <const P extends readonly AnyParameter[], R, const Missing extends MissingPolicy = 'error'>(
    name: string,
    options: DeclaredTaskOptions<P, Missing>,
    body: TaskBody<BodyArguments<P, Missing>, R>,
  ): Task<BodyArguments<P, Missing>, Awaited<R>, CallArguments<P>>
  /** With `missing: 'null'` rows that are gone are null: the body must take null in the place of each model. */
  <A extends readonly unknown[], R, const Missing extends MissingPolicy = MissingPolicy>(
    name: string,
    options: TaskOptions & { readonly missing?: Missing },
    body: TaskBody<A, R> & ([Missing] extends ['null'] ? NullsAccepted<A> : unknown),
  ): Task<A, Awaited<R>>
}
