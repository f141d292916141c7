import { reprValue } from '../protocol/python-repr.ts'

/** Why a command was not carried out, as Celery's workers say it: `ValueError('Autoscale not enabled')`. */
export class CommandError extends Error {
  /** A class of Python. */
  readonly type: string

  constructor(type: string, message: string) {
    super(message)
    this.type = type
  }
}

/** The reply of a command that failed. */
export function errorReply(error: unknown): { readonly error: string } {
  if (error instanceof CommandError) return { error: `${error.type}(${reprValue(error.message)})` }
  if (error instanceof Error) return { error: `${error.name}(${reprValue(error.message)})` }
  return { error: reprValue(error) }
}
