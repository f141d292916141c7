import { isRecord } from './describe-value.ts'
import { reprArgs, reprValue } from './python-repr.ts'
import { dumpJson } from './typed-json.ts'

export { describeError } from './describe-error.ts'

/** What a task threw, described: `exc_type`, `exc_message`, `exc_module` and the traceback of a result. */
export interface RemoteError {
  /** Class name, such as `TypeError`. */
  readonly type: string
  /** The arguments of the exception; the first is usually its message. */
  readonly details: readonly unknown[]
  readonly module: string | undefined
  readonly traceback: string | undefined
}

/** An exception as results hold it. Details that `dump` throws for are replaced by their repr, as in Python. */
export function encodeRemoteError(
  error: RemoteError,
  dump: (value: unknown) => unknown = dumpJson,
): Record<string, unknown> {
  return {
    exc_type: error.type,
    exc_message: error.details.map((detail) => asData(detail, dump)),
    exc_module: error.module ?? null,
  }
}

function asData(detail: unknown, dump: (value: unknown) => unknown): unknown {
  if (typeof detail === 'string' || typeof detail === 'number' || typeof detail === 'boolean' || detail === null) {
    return detail
  }
  try {
    dump(detail)
    return detail
  } catch {
    return reprValue(detail)
  }
}

/** Reads whatever stands where an exception should be; it never refuses one. */
export function decodeRemoteError(value: unknown, traceback?: string): RemoteError {
  if (!isRecord(value)) {
    const details = value === null || value === undefined ? [] : [value]
    return { type: 'Exception', details, module: undefined, traceback }
  }
  const { exc_type: type, exc_message: message, exc_module: module } = value
  if (typeof type !== 'string' || type === '')
    return { type: 'Exception', details: [value], module: undefined, traceback }
  const details = Array.isArray(message)
    ? (message as unknown[])
    : message === undefined || message === null
      ? []
      : [message]
  return { type, details, module: typeof module === 'string' ? module : undefined, traceback }
}

/** The details as one text: the message itself if there is one, else as Python shows the arguments. */
export function remoteErrorMessage(error: RemoteError): string {
  const [first] = error.details
  if (error.details.length > 1) return reprArgs(error.details)
  if (error.details.length === 0) return ''
  return typeof first === 'string' ? first : reprValue(first)
}

/** True for what has the shape of a {@link RemoteError}. */
export function isRemoteError(value: unknown): value is RemoteError {
  return isRecord(value) && typeof value['type'] === 'string' && Array.isArray(value['details'])
}

/** `TypeError: message`, for logs. */
export function formatRemoteError(error: RemoteError): string {
  const message = remoteErrorMessage(error)
  return message === '' ? error.type : `${error.type}: ${message}`
}
