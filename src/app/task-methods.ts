import { ImproperlyConfigured, InvalidArguments, NotRegistered } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { Celeriac } from './app.ts'
import type { AsyncResult } from './async-result.ts'
import { BoundReference } from './bound-reference.ts'
import { handleName, type ModelClass } from './model-handle.ts'
import type { MissingPolicy } from './model-policy.ts'
import type { EnqueueableArgs, Ref } from './ref.ts'
import { taskSignature, type Signature } from './signature.ts'
import type { Missing, Partials } from './signature-types.ts'
import { optionsOfMethod, taskMethodNames } from './task-method-decorator.ts'
import type { TaskOptions } from './task-options.ts'
import { model } from './task-parameters.ts'
import { createTask, type Task } from './task.ts'

type Method = (...args: never[]) => unknown
type ArgumentsOf<F> = F extends (...args: infer A) => unknown ? A : never
type ResultOf<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never

/** The names of the methods of `T`. */
export type MethodKey<T> = { [K in keyof T]-?: K extends string ? (T[K] extends Method ? K : never) : never }[keyof T]

/** Tasks whose first argument is the instance. */
export type MethodTasks<T extends object, K extends keyof T> = {
  readonly [M in K]: Task<
    [self: T, ...args: ArgumentsOf<T[M]>],
    ResultOf<T[M]>,
    [self: T | Ref<T>, ...args: EnqueueableArgs<ArgumentsOf<T[M]>>]
  >
}

/** The methods of `T` as calls: each resolves once the broker has the call. */
export type Delayed<T> = {
  readonly [M in MethodKey<T>]: (...args: EnqueueableArgs<ArgumentsOf<T[M]>>) => Promise<AsyncResult<ResultOf<T[M]>>>
}

/** The methods of `T` as signatures: with fewer arguments they still take those before them. */
export type SignedMethods<T> = {
  readonly [M in MethodKey<T>]: <G extends Partials<EnqueueableArgs<ArgumentsOf<T[M]>>>>(
    ...args: G
  ) => Signature<Missing<EnqueueableArgs<ArgumentsOf<T[M]>>, G>, ResultOf<T[M]>>
}

/** As `SignedMethods`, complete: the result of the task before is ignored. */
export type ImmutableMethods<T> = {
  readonly [M in MethodKey<T>]: (
    ...args: EnqueueableArgs<ArgumentsOf<T[M]>>
  ) => Signature<readonly unknown[], ResultOf<T[M]>>
}

/** Options of all tasks that one call of `app.methods` makes. The policies hold for the instance as well. */
export interface MethodOptions extends Omit<TaskOptions, 'missing'> {
  /** A method without its instance cannot run: `'null'` is not among them. */
  readonly missing?: Exclude<MissingPolicy, 'null'>
  /** `'shop.User'`, for a model whose ORM is not in use yet. */
  readonly label?: string
}

/** The methods of models that are tasks of one app. */
export class TaskMethods {
  readonly #app: Celeriac
  readonly #byClass = new Map<unknown, Map<string, Task>>()

  constructor(app: Celeriac) {
    this.#app = app
  }

  /** Throws ImproperlyConfigured for a class without label, and for names that are no methods. */
  define(modelClass: ModelClass, names: readonly string[] | undefined, options: MethodOptions, place: string): object {
    const { label: given, ...shared } = options
    const label = this.#app.models.registry.ofHandle(modelClass)?.info.label ?? given
    if (label === undefined) {
      const name = handleName(modelClass)
      const advice = `give its ORM to app.models.use() first, or the label: { label: 'shop.${name}' }`
      throw new ImproperlyConfigured(`methods(): no ORM in use knows the model ${name}; ${advice}`)
    }
    const methods = names ?? taskMethodNames(modelClass)
    checkMethods(modelClass, methods, shared)
    const tasks = this.#byClass.get(modelClass) ?? new Map<string, Task>()
    this.#byClass.set(modelClass, tasks)
    const defined = methods.map((name) => {
      const task = this.#task({ modelClass, label, name, options: shared, place })
      tasks.set(name, task)
      return [name, task] as const
    })
    return Object.fromEntries(defined)
  }

  #task({ modelClass, label, name, options, place }: MethodDefinition): Task {
    const app = this.#app
    const definition = {
      options: { ...options, ...optionsOfMethod(modelClass, name) },
      takes: [model(modelClass)],
      // Found on the instance, so that an override of its own class runs.
      body: (self: Readonly<Record<string, Method>>, ...args: never[]) => self[name]?.(...args),
      self: 'self',
    }
    const task = createTask(`${label}.${name}`, definition, place, () => app) as unknown as Task
    app.tasks.add(task)
    return task
  }

  delayed(self: object): object {
    return this.#proxy(self, 'delay()', (task, modelClass, name) => {
      if (task) return (...args: readonly unknown[]) => task.delay(self, ...args)
      return () => Promise.reject(new NotRegistered(notRegistered(modelClass, name)))
    })
  }

  /** The instance travels by keyword: a chain puts the result of the task before in front of the arguments. */
  signed(self: object, { immutable }: { readonly immutable: boolean }): object {
    return this.#proxy(self, immutable ? 'si()' : 's()', (task, modelClass, name) => {
      if (!task?.self) throw new NotRegistered(notRegistered(modelClass, name))
      const kwargs = { [task.self]: self }
      return (...args: readonly unknown[]) => taskSignature(() => this.#app, task.name, args, { kwargs, immutable })
    })
  }

  /** Answers undefined to `then` and symbols, so that it is no promise and can be inspected. */
  #proxy(
    self: object,
    what: string,
    member: (task: Task | undefined, modelClass: unknown, name: string) => unknown,
  ): object {
    const modelClass = this.#classOf(self, what)
    return new Proxy(Object.create(null) as object, {
      get: (_target, name) => {
        if (typeof name === 'symbol' || name === 'then' || name === 'toJSON') return undefined
        return member(this.#find(modelClass, name), modelClass, name)
      },
    })
  }

  #classOf(self: object, what: string): unknown {
    const { registry } = this.#app.models
    if (!(self instanceof BoundReference)) {
      const handle = isObject(self) ? registry.identify(self)?.identity.model.handle : undefined
      // An instance may be of a subclass that has no label, or a wrapper of the ORM around it.
      if (handle !== undefined) return isInstance(self, handle) ? self.constructor : handle
      throw new InvalidArguments(
        `${what} takes an instance or a reference of a model in use; got ${describeValue(self)}`,
      )
    }
    const { label, extra } = self.reference
    const found = registry.find(label, extra.db)
    if (typeof found?.info.handle === 'function') return found.info.handle
    throw new InvalidArguments(`${what}: no class is known for ${self.toString()}`)
  }

  /** The nearest class that registered the method: its own, or one above. */
  #find(modelClass: unknown, name: string): Task | undefined {
    for (let each = modelClass; typeof each === 'function'; each = Object.getPrototypeOf(each) as unknown) {
      const task = this.#byClass.get(each)?.get(name)
      if (task) return task
    }
    return undefined
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

interface MethodDefinition {
  readonly modelClass: ModelClass
  readonly label: string
  readonly name: string
  readonly options: TaskOptions
  readonly place: string
}

function isInstance(self: object, handle: unknown): boolean {
  return typeof handle === 'function' && self instanceof handle
}

function checkMethods(modelClass: ModelClass, names: readonly string[], options: TaskOptions): void {
  const prototype = modelClass.prototype as Readonly<Record<string, unknown>>
  const wrong = names.filter((name) => typeof prototype[name] !== 'function' || name === 'constructor')
  const className = handleName(modelClass)
  if (wrong.length > 0) throw new ImproperlyConfigured(`${className} has no methods named ${wrong.join(', ')}`)
  if (names.length === 0) {
    throw new ImproperlyConfigured(`methods(${className}): name the methods, or mark them with @taskMethod()`)
  }
  if (options.missing === 'null') {
    throw new ImproperlyConfigured(`methods(${className}): missing must not be 'null': a method needs its instance`)
  }
}

function notRegistered(modelClass: unknown, name: string): string {
  const className = handleName(modelClass)
  return `${className}.${name} is no task: register it with app.methods(${className}, ['${name}'])`
}
