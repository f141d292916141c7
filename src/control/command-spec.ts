/** What an argument of a command may be; `?` at the end: it may be left out. */
export type ArgumentKind = 'text' | 'number' | 'integer' | 'flag' | 'texts' | 'json'
export type ArgumentSpec = ArgumentKind | `${ArgumentKind}?`
export type ArgumentSpecs = Readonly<Record<string, ArgumentSpec>>

interface KindValues {
  text: string
  number: number
  integer: number
  flag: boolean
  texts: readonly string[]
  json: unknown
}

type KindOf<S extends ArgumentSpec> = S extends `${infer K extends ArgumentKind}?`
  ? K
  : S extends ArgumentKind
    ? S
    : never

/** The arguments that specs describe: `{ queue: 'text', n: 'integer?' }` is `{ queue: string; n?: number }`. */
export type ArgumentsOf<S extends ArgumentSpecs> = {
  readonly [Name in keyof S as S[Name] extends `${string}?` ? never : Name]: KindValues[KindOf<S[Name]>]
} & {
  readonly [Name in keyof S as S[Name] extends `${string}?` ? Name : never]?: KindValues[KindOf<S[Name]>] | undefined
}

/** What is known of a command without the worker that carries it out. */
export interface CommandSpec {
  /** `inspect` changes nothing. */
  readonly type: 'inspect' | 'control'
  /** One line. */
  readonly help: string
  /** In the order in which a command line gives them; `texts` takes all that is left. */
  readonly args: ArgumentSpecs
  /** What only programs give, by name. */
  readonly named?: ArgumentSpecs
  /** As help shows the arguments. Default: made of their names. */
  readonly signature?: string
  /** An older name. */
  readonly alias?: string
  /** Between workers. */
  readonly isHidden?: true
  /** Arguments that it does not know are no error. */
  readonly takesMore?: true
  /** The worker does not reply. */
  readonly isSilent?: true
}

export interface Argument {
  readonly name: string
  readonly kind: ArgumentKind
  readonly isOptional: boolean
}

export function argumentsOf(specs: ArgumentSpecs): Argument[] {
  return Object.entries(specs).map(([name, spec]) => ({
    name,
    kind: spec.replace('?', '') as ArgumentKind,
    isOptional: spec.endsWith('?'),
  }))
}

/** `<queue> [n]`, as help shows it. */
export function signatureOf({ signature, args }: Pick<CommandSpec, 'signature' | 'args'>): string {
  if (signature !== undefined) return signature
  return argumentsOf(args)
    .map(({ name, kind, isOptional }) => {
      const shown = kind === 'texts' ? `${name}...` : name
      return isOptional ? `[${shown}]` : `<${shown}>`
    })
    .join(' ')
}

const expectations: Readonly<Record<ArgumentKind, string>> = {
  text: 'a text',
  number: 'a number',
  integer: 'a whole number',
  flag: 'true or false',
  texts: 'texts',
  json: 'JSON',
}

/** What is wrong with a value for an argument of that kind; undefined: nothing. */
export function argumentProblem({ name, kind, isOptional }: Argument, value: unknown): string | undefined {
  if (value === undefined || value === null) return isOptional ? undefined : `${name} is missing`
  return isOfKind(kind, value) ? undefined : `${name} must be ${expectations[kind]}`
}

function isOfKind(kind: ArgumentKind, value: unknown): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string'
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
    case 'integer':
      return Number.isSafeInteger(value)
    case 'flag':
      return typeof value === 'boolean'
    case 'texts':
      return Array.isArray(value) && value.every((item) => typeof item === 'string')
    case 'json':
      return true
  }
}

/** The value that a command line means; undefined if it is none of that kind. */
export function parseArgument(kind: ArgumentKind, text: string): unknown {
  if (kind === 'text' || kind === 'texts') return text
  if (kind === 'flag')
    return /^(true|yes|on|1)$/i.test(text) ? true : /^(false|no|off|0)$/i.test(text) ? false : undefined
  if (kind === 'json') return parseJson(text)
  const number = text.trim() === '' ? Number.NaN : Number(text)
  return isOfKind(kind, number) ? number : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
