import os from 'node:os'
import type { ResultBackend } from '../backends/backend.ts'
import type { Broker } from '../brokers/broker.ts'
import { ImproperlyConfigured, InvalidArguments } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { ArgumentSpecs } from '../control/command-spec.ts'
import type { Control } from '../control/control.ts'
import { LamportClock } from '../util/lamport-clock.ts'
import { createLogger, type Logger } from '../util/logger.ts'
import { AsyncResult, type RevokeOptions } from './async-result.ts'
import { controlOf } from './app-control.ts'
import { AppEvents } from './app-events.ts'
import type { AppOptions } from './app-options.ts'
import { AppSettings } from './app-settings.ts'
import { checkAppOptions, isSettings } from './check-app-options.ts'
import { Connections } from './connections.ts'
import { configFromEnv } from './config-env.ts'
import type { Config } from './config.ts'
import type { ConfigData } from './config-data.ts'
import { CustomCommands, type Command, type CommandHandler, type CommandOptions } from './custom-commands.ts'
import { openEagerRunner, type EagerRunner } from './eager.ts'
import type { ExplainOptions } from './explain.ts'
import type { Explanation } from './explanation.ts'
import type { ModelClass } from './model-handle.ts'
import { Models } from './models.ts'
import { OutboxCommits } from './outbox-commits.ts'
import type { Ref } from './ref.ts'
import { type CallOptions, noOptions } from './call-options.ts'
import { Publisher } from './publisher.ts'
import type { ResultWatcher } from './result-watcher.ts'
import type { Router } from './router.ts'
import { readSettings } from './settings-source.ts'
import { sharedTasks, setCurrentApp, unsetCurrentApp } from './shared-task.ts'
import { SignalHub, type SignalListener, type SignalName } from './signals.ts'
import { taskSignature, type Signature, type TaskSignatureOptions } from './signature.ts'
import type { DefineTask } from './task-definition.ts'
import { TaskModules } from './task-modules.ts'
import { TaskRegistry } from './task-registry.ts'
import {
  TaskMethods,
  type Delayed,
  type ImmutableMethods,
  type MethodKey,
  type MethodOptions,
  type MethodTasks,
  type SignedMethods,
} from './task-methods.ts'
import { callerPlace, createTask, taskDefinition, type Task } from './task.ts'
import { Transactions } from './transactions.ts'

/** What a program needs to define tasks and to send them: settings, registry, connections. */
export class Celeriac implements AsyncDisposable {
  readonly name: string
  /** @internal Where it was made: `file:line:column`. */
  readonly place: string
  readonly tasks: TaskRegistry = new TaskRegistry(sharedTasks)
  readonly models: Models
  readonly transactions: Transactions
  /** @internal */
  readonly publisher: Publisher = new Publisher(this)
  /** @internal */
  readonly signals: SignalHub = new SignalHub((error, signal) =>
    this.log.error({ err: error, signal }, 'A listener of {signal} failed'),
  )
  /** Events of the cluster: of workers and their tasks. */
  readonly events: AppEvents = new AppEvents(this)
  /** @internal Of this process: events and remote control carry it. */
  readonly clock: LamportClock = new LamportClock()
  /** Tells and asks workers. */
  readonly control: Control = controlOf(this)
  /** @internal What is open, and may be used without a turn of the event loop. */
  readonly connections: Connections
  /** @internal */
  readonly commands: CustomCommands = new CustomCommands(this)
  /** @internal */
  readonly outboxCommits: OutboxCommits = new OutboxCommits()
  readonly #methods: TaskMethods = new TaskMethods(this)
  readonly #logger: Logger | undefined
  readonly #settings: AppSettings
  readonly #modules: TaskModules = new TaskModules(
    () => this.config,
    () => this.#checkTasks(),
  )
  #log: Logger | undefined
  #eager: Promise<EagerRunner> | undefined

  constructor(name: string, options: AppOptions = {}) {
    if (typeof (name as unknown) !== 'string' || name === '')
      throw new ImproperlyConfigured(`an app needs a name, such as new Celeriac('shop'); got ${typeof name}`)
    checkAppOptions(options)
    this.name = name
    this.place = callerPlace(new.target)
    this.#logger = options.logger
    this.#settings = new AppSettings(name, (warning) => this.log.warn({ warning }, '{warning}'))
    this.connections = new Connections({
      broker: typeof options.broker === 'object' ? options.broker : undefined,
      backend: typeof options.backend === 'object' ? options.backend : undefined,
      config: () => this.config,
      warn: (warning) => this.log.warn({ warning }, '{warning}'),
    })
    if (typeof options.broker === 'string') this.configFromObject({ broker_url: options.broker })
    if (typeof options.backend === 'string') this.configFromObject({ result_backend: options.backend })
    if (options.settings) this.configFromObject(options.settings)
    this.transactions = new Transactions((error) =>
      this.log.error({ err: error }, 'A call that waited for the commit could not be sent'),
    )
    this.models = new Models(this.transactions)
    // How the command line knows an app, also one of another copy of this package.
    Object.defineProperty(this, Symbol.for('celeriac.app'), { value: true })
    setCurrentApp(this)
  }

  /** Adds settings; later ones win. With `namespace: 'CELERY'` they are named `CELERY_TASK_ACKS_LATE`, …, and other keys are left alone. */
  configFromObject(settings: object, options: { readonly namespace?: string } = {}): this {
    if (!isSettings(settings))
      throw new ImproperlyConfigured(`configFromObject() needs an object of settings, got ${describeValue(settings)}`)
    this.#settings.add(readSettings(settings, options))
    return this
  }

  /** Adds the settings of the environment: `CELERY_BROKER_URL`, … */
  configFromEnv(env: NodeJS.ProcessEnv = process.env, options: { readonly prefix?: string } = {}): this {
    this.#settings.add(configFromEnv(env, options))
    return this
  }

  /** The settings, complete and frozen at the first look. Throws ImproperlyConfigured with every problem found. */
  get config(): Config {
    return this.#settings.config
  }

  /** @internal The settings of the same app in another thread or process, as far as they are data, count here too. */
  adoptConfig(data: ConfigData): void {
    this.#settings.adopt(data)
  }

  get log(): Logger {
    if (this.#log) return this.#log
    const { logStyle } = this.#settings
    const pretty = logStyle === undefined || logStyle === 'auto' ? undefined : logStyle === 'pretty'
    const logger = this.#logger ?? createLogger(pretty === undefined ? {} : { pretty })
    // Before the settings are complete, nobody knows the style.
    if (logStyle !== undefined) this.#log = logger
    return logger
  }

  /** Replaces the logger, such as by one with the level of the command line. */
  setLogger(logger: Logger): void {
    this.#log = logger
  }

  /** @internal */
  get router(): Router {
    return this.#settings.router
  }

  /** `gen<pid>@<host>`: this process as a sender. */
  get nodeName(): string {
    return `gen${process.pid}@${os.hostname()}`
  }

  /** Defines a task. The name is what travels: explicit, because bundlers rename functions. */
  readonly task: DefineTask = ((name: string, first: unknown, second?: unknown): Task => {
    const task = createTask(name, taskDefinition(first, second), callerPlace(this.task), () => this)
    this.models.checkLocks(task.declaration)
    this.tasks.add(task)
    return task
  }) as DefineTask

  /**
   * Makes methods of a model tasks, which run on a fresh instance: `methods(User, ['welcome'])` defines the task
   * `shop.User.welcome` and gives `{ welcome }`. Without names: those with the decorator `taskMethod()`. The model's ORM
   * must be in use already, else give the `label`.
   */
  methods<T extends object, const K extends MethodKey<T>>(
    model: ModelClass<T>,
    names: readonly K[],
    options?: MethodOptions,
  ): MethodTasks<T, K>
  methods<T extends object>(model: ModelClass<T>, options?: MethodOptions): Partial<MethodTasks<T, MethodKey<T>>>
  methods(model: ModelClass, first: readonly string[] | MethodOptions = {}, second: MethodOptions = {}): object {
    const [names, options] = isNames(first) ? [first, second] : [undefined, first]
    // oxlint-disable-next-line typescript/unbound-method -- only marks where the stack is cut
    return this.#methods.define(model, names, options, callerPlace(this.methods))
  }

  /** `delay(user).welcome('en')`: calls of the methods that `methods` made tasks, for an instance or a reference. */
  delay<T extends object>(self: Ref<T>): Delayed<T>
  delay<T extends object>(self: T): Delayed<T>
  delay(self: object): object {
    return this.#methods.delayed(self)
  }

  /** `s(user).welcome('en')`: the methods as signatures, for chains; the result of the task before comes first. */
  s<T extends object>(self: Ref<T>): SignedMethods<T>
  s<T extends object>(self: T): SignedMethods<T>
  s(self: object): object {
    return this.#methods.signed(self, { immutable: false })
  }

  /** As `s`, for complete calls, which ignore the result of the task before. */
  si<T extends object>(self: Ref<T>): ImmutableMethods<T>
  si<T extends object>(self: T): ImmutableMethods<T>
  si(self: object): object {
    return this.#methods.signed(self, { immutable: true })
  }

  /** `tasks.{ts,js,mts,mjs}` of these folders or globs; imported by `loadTasks`, relative to `baseDir` (default: the working directory). */
  autodiscoverTasks(
    patterns: readonly string[],
    options: { readonly baseDir?: string; readonly related?: string } = {},
  ): this {
    this.#modules.discover(patterns, options)
    return this
  }

  /** Imports the modules of `imports` and `include` and what autodiscovery finds, once. An error names the file. */
  loadTasks(): Promise<void> {
    return this.#modules.load()
  }

  /** Sends a call of a task that is defined elsewhere. */
  send<R = unknown>(
    taskName: string,
    args: readonly unknown[] = [],
    options: CallOptions = noOptions,
  ): Promise<AsyncResult<R>> {
    return this.publisher.send<R>(taskName, args, options)
  }

  /** A call of a task that is defined elsewhere, as a signature. */
  signature<R = unknown>(
    taskName: string,
    args: readonly unknown[] = [],
    options: TaskSignatureOptions = {},
  ): Signature<readonly unknown[], R> {
    return taskSignature(() => this, taskName, args, options)
  }

  /** A call by its id. */
  result<R = unknown>(taskId: string): AsyncResult<R> {
    if (typeof (taskId as unknown) !== 'string' || taskId === '')
      throw new InvalidArguments(`app.result() needs the id of a task, got ${describeValue(taskId)}`)
    return new AsyncResult<R>(this, taskId)
  }

  /** Drops a waiting call, also in workers that start within `worker_revoke_expires`; asks a running one to stop. */
  async revoke(taskId: string, { terminate = false }: RevokeOptions = {}): Promise<void> {
    await this.control.revoke(taskId, { terminate })
  }

  /** Gives workers of this app a question of its own, which changes nothing; returns the function that asks it. */
  inspectCommand<R, const S extends ArgumentSpecs = Record<never, never>>(
    name: string,
    options: CommandOptions<S>,
    handler: CommandHandler<S, R>,
  ): Command<S, R> {
    return this.commands.define('inspect', name, options, handler)
  }

  /** Gives workers of this app a command of its own; returns the function that sends it. */
  controlCommand<R, const S extends ArgumentSpecs = Record<never, never>>(
    name: string,
    options: CommandOptions<S>,
    handler: CommandHandler<S, R>,
  ): Command<S, R> {
    return this.commands.define('control', name, options, handler)
  }

  /** Says why a task is not running, or what became of it, by its message, its result and the workers. Changes nothing. */
  async explain(taskId: string, options: ExplainOptions = {}): Promise<Explanation> {
    return (await import('./explain.ts')).explain(this, taskId, options)
  }

  /** Listens to what happens to tasks; listeners are awaited in order. Returns the function that ends it. */
  on<N extends SignalName>(signal: N, listener: SignalListener<N>): () => void {
    return this.signals.on(signal, listener)
  }

  /** The broker, opened at the first use. */
  openBroker(): Promise<Broker> {
    return this.connections.broker()
  }

  /** The result backend, opened at the first use. */
  openBackend(): Promise<ResultBackend> {
    return this.connections.backend()
  }

  /** False without a result backend. */
  get keepsResults(): boolean {
    return this.connections.keepsResults
  }

  /** @internal No worker of Celery takes messages from the queue. */
  isOwnQueue(queue: string): boolean {
    return this.router.isCeleriacQueue(queue) ?? this.connections.isOwnStore
  }

  /** @internal */
  resultWatcher(): Promise<ResultWatcher> {
    if (this.keepsResults) return this.connections.watcher()
    throw new ImproperlyConfigured(`app ${this.name} has no result backend: set result_backend to wait for results`)
  }

  /** @internal */
  eager(): Promise<EagerRunner> {
    return (this.#eager ??= openEagerRunner(this))
  }

  /** Closes what this app opened. Harmless when repeated; the app may be used again afterwards. */
  async close(): Promise<void> {
    await this.events.close()
    await this.connections.close()
    unsetCurrentApp(this)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #checkTasks(): void {
    this.tasks.check()
    // Tasks may be defined before the ORMs are in use.
    for (const task of this.tasks) this.models.checkLocks(task.declaration)
  }
}

function isNames(given: readonly string[] | MethodOptions): given is readonly string[] {
  return Array.isArray(given)
}
