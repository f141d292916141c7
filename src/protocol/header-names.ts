import { deathHeader } from './message.ts'

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}

/** The headers of task protocol 2. */
export const wireHeaders: ReadonlySet<string> = new Set(
  words(`
    lang task id shadow eta expires group group_index retries timelimit root_id parent_id argsrepr kwargsrepr origin
    ignore_result replaced_task_nesting stamped_headers stamps compression
  `),
)

/** What brokers add on the way, which must not travel again with a retry. */
export const transitHeaders: ReadonlySet<string> = new Set(['redelivered', 'x-death', deathHeader])

/** Names that a caller's own header must not have: they would shadow attributes of Python's request. */
export const reservedHeaders: ReadonlySet<string> = new Set([
  ...wireHeaders,
  ...transitHeaders,
  ...words(`
    args kwargs task_id chord chain callbacks errbacks headers hostname delivery_info properties reply_to correlation_id
    utc logfile loglevel is_eager called_directly taskset
  `),
])
