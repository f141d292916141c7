/** The servers that tests can ask for, by their protocol. */
export const serviceNames = ['postgres', 'mysql', 'redis', 'rediss', 'sentinel', 'amqp'] as const
export type ServiceName = (typeof serviceNames)[number]

/** Lines of a server's configuration beyond what its kind sets, for one that a test file has for itself. */
export type ServerSettings = Readonly<Record<string, string>>

/** Where one server runs: everything of it lies in `folder`. */
export interface ServerPlace {
  readonly folder: string
  readonly port: number
  /** The program that was found. */
  readonly program: string
  readonly settings: ServerSettings
}

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** How one kind of server is found, installed, set up and started. */
export interface ServerKind {
  /** A URL in this environment variable is used instead of a server of our own. */
  readonly variable: string
  readonly program: string
  /** Where distributions put the program, besides PATH. */
  readonly folders: readonly string[]
  readonly debianPackage: string
  /** What the server writes when it takes connections. */
  readonly ready: RegExp
  /** Ends it at once; what it acknowledged is still there at the next start in the same folder. */
  readonly stopSignal: NodeJS.Signals
  url(port: number): string
  /** Run once, before the first start. */
  setUp?(place: ServerPlace): Promise<readonly Command[]>
  /** A daemon that the server needs beside it; it listens on `port`. */
  companion?(place: ServerPlace): Promise<Command & { readonly port: number }>
  start(place: ServerPlace): Command
}
