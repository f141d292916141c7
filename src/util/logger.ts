import type { pino as Pino } from 'pino'
import { formatLine } from './log-line.ts'
import { requireOwn } from './own-files.ts'

/** Less important first. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/**
 * What celeriac logs through; a pino logger is one. Messages are constants and may hold `{name}` where the value of a
 * field belongs: the pretty form puts it in, the JSON form keeps message and fields apart.
 */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** Missing: every level is taken to be on. */
  isLevelEnabled?(level: LogLevel): boolean
}

interface LogStream {
  write(text: string): unknown
  readonly isTTY?: boolean
}

export interface LoggerOptions {
  /** Lines below it are not written. Default `'info'`; `'silent'` writes none. */
  readonly level?: LogLevel | 'silent'
  /** Lines for people, as Celery writes them, instead of JSON. Default: whether `stream` is a terminal. */
  readonly pretty?: boolean
  /** Default: only where `stream` is a terminal. Only the pretty form has colours. */
  readonly colour?: boolean
  /** Default: standard error. */
  readonly stream?: LogStream
  /** Default `'MainProcess'`. */
  readonly processName?: string
}

/** Makes a logger: pretty lines in a terminal, JSON lines by pino elsewhere. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const stream: LogStream = options.stream ?? process.stderr
  const isTerminal = stream.isTTY === true
  const settings = { level: 'info', colour: isTerminal, processName: 'MainProcess', ...options, stream } as const
  return (options.pretty ?? isTerminal) ? prettyLogger(settings) : jsonLogger(settings)
}

/** The same logger with `fields` in every line. */
export function withFields(logger: Logger, fields: object): Logger {
  return {
    debug: (more, message) => logger.debug({ ...fields, ...more }, message),
    info: (more, message) => logger.info({ ...fields, ...more }, message),
    warn: (more, message) => logger.warn({ ...fields, ...more }, message),
    error: (more, message) => logger.error({ ...fields, ...more }, message),
    isLevelEnabled: (level) => isLevelEnabled(logger, level),
  }
}

/** Whether a line of that level would be written: ask before building costly fields. */
export function isLevelEnabled(logger: Logger, level: LogLevel): boolean {
  return logger.isLevelEnabled?.(level) ?? true
}

type ResolvedOptions = Required<Pick<LoggerOptions, 'level' | 'colour' | 'stream' | 'processName'>>

function prettyLogger({ level, colour, stream, processName }: ResolvedOptions): Logger {
  const lowest = level === 'silent' ? logLevels.length : logLevels.indexOf(level)
  const writer = (line: LogLevel): ((fields: object, message: string) => void) =>
    logLevels.indexOf(line) < lowest
      ? () => undefined
      : (fields, message) => {
          stream.write(formatLine({ level: line, time: new Date(), processName, colour, fields, message }))
        }
  return {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    isLevelEnabled: (line) => logLevels.indexOf(line) >= lowest,
  }
}

function jsonLogger({ level, stream, processName }: ResolvedOptions): Logger {
  // Loaded only when used, and without a promise: pino takes 20 ms to import.
  const { pino } = requireOwn('pino') as { readonly pino: typeof Pino }
  return pino(
    {
      level,
      base: { pid: process.pid, processName },
      serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
    },
    { write: (text: string) => void stream.write(text) },
  )
}
