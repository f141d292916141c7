import { EncodeError } from '../errors.ts'
import { dumpJson } from '../protocol/typed-json.ts'
import type { Celeriac } from './app.ts'
import type { Call } from './prepare-call.ts'

/** Throws EncodeError for headers and stamps that cannot be written. A broker in memory would take them as they are. */
export function checkHeaders(app: Celeriac, { taskName, options: { headers }, workflow }: Call): void {
  const stamps = workflow?.stamps
  if (headers === undefined && (stamps === undefined || Object.keys(stamps).length === 0)) return
  const limit = app.config.task.maxMessageSize
  try {
    const size = Buffer.byteLength(dumpJson({ headers, stamps }))
    if (size <= limit) return
    throw new EncodeError(`the headers take ${size} bytes, more than task_max_message_size (${limit})`)
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error
    throw new EncodeError(`${taskName}: ${error.message}`, { cause: error.cause })
  }
}
