import { argumentsOf, type ArgumentsOf, type ArgumentSpecs, type CommandSpec } from '../control/command-spec.ts'
import { findBuiltin } from '../control/builtin-commands.ts'
import type { ControlOptions } from '../control/command-sender.ts'
import type { Replies } from '../control/replies.ts'
import { AlreadyRegistered, ImproperlyConfigured } from '../errors.ts'
import type { Celeriac } from './app.ts'

/** The worker that carries out a command of yours. */
export interface CommandWorker {
  readonly app: Celeriac
  /** Its node name. */
  readonly name: string
  readonly queues: readonly string[]
  /** How many bodies may run at once. */
  readonly concurrency: number
  /** How many do. */
  readonly running: number
  /** Begins a warm shutdown. */
  stop(): void
}

export interface CommandOptions<S extends ArgumentSpecs> {
  /** One line for `celeriac inspect --list`. */
  readonly help?: string
  /**
   * Names and kinds, in the order in which a command line gives them: `{ queue: 'text', n: 'integer?' }`. Kinds are text,
   * number, integer, flag, json and texts (all that is left); `?` marks what may be left out.
   */
  readonly args?: S
}

/** What it returns, or a promise of it, is the reply; what it throws is an error for whoever asked. */
export type CommandHandler<S extends ArgumentSpecs, R> = (worker: CommandWorker, args: ArgumentsOf<S>) => R | Promise<R>

/** Sends the command to workers. `reply: false`: waits for no answer. */
export type Command<S extends ArgumentSpecs, R> = (
  args: ArgumentsOf<S>,
  options?: ControlOptions,
) => Promise<Replies<R>>

/** A command of an app, as its workers see it. */
export interface CustomCommand {
  readonly spec: CommandSpec
  readonly handler: CommandHandler<ArgumentSpecs, unknown>
}

/** The commands that an app adds to those of every worker. */
export class CustomCommands {
  readonly #app: Celeriac
  readonly #commands = new Map<string, CustomCommand>()

  constructor(app: Celeriac) {
    this.#app = app
  }

  /** Throws AlreadyRegistered for a name that is taken, ImproperlyConfigured for arguments that cannot be. */
  define<S extends ArgumentSpecs, R>(
    type: CommandSpec['type'],
    name: string,
    { help = '', args }: CommandOptions<S>,
    handler: CommandHandler<S, R>,
  ): Command<S, R> {
    const specs: ArgumentSpecs = args ?? {}
    checkName(name, this.#commands)
    checkArguments(name, specs)
    this.#commands.set(name, {
      spec: { type, help, args: specs },
      handler: handler as CommandHandler<ArgumentSpecs, unknown>,
    })
    const isQuestion = type === 'inspect'
    return (given, options) => this.#app.control.broadcast<R>(name, given, { reply: isQuestion, ...options })
  }

  get(name: string): CustomCommand | undefined {
    return this.#commands.get(name)
  }

  specs(): Record<string, CommandSpec> {
    return Object.fromEntries([...this.#commands].map(([name, { spec }]) => [name, spec]))
  }
}

function checkName(name: string, known: ReadonlyMap<string, unknown>): void {
  if (!/^[a-z_][\w.]*$/i.test(name))
    throw new ImproperlyConfigured(`a command needs a name of letters, digits, _ and dots, got '${name}'`)
  if (findBuiltin(name) !== undefined || known.has(name))
    throw new AlreadyRegistered(`there is a command ${name} already; give yours another name`)
}

const kinds: readonly string[] = ['text', 'number', 'integer', 'flag', 'texts', 'json']

function checkArguments(name: string, specs: ArgumentSpecs): void {
  const given = argumentsOf(specs)
  for (const [index, { name: argument, kind, isOptional }] of given.entries()) {
    const problem = (what: string): Error => new ImproperlyConfigured(`command ${name}: argument ${argument} ${what}`)
    if (!kinds.includes(kind)) throw problem(`must be one of ${kinds.join(', ')}, got '${kind}'`)
    if (kind === 'texts' && index < given.length - 1) throw problem('takes all that is left, so it must be the last')
    if (!isOptional && given[index - 1]?.isOptional)
      throw problem('must not be left out, so it cannot follow one that may')
  }
}
