import type { ControlReply } from '../protocol/control-message.ts'
import { isRecord } from '../protocol/describe-value.ts'

/** What workers answered, by node name. Those that answered with an error are not in the map but in `errors`. */
export class Replies<T> extends Map<string, T> {
  /** What went wrong, by node name, in the worker's words. */
  readonly errors: ReadonlyMap<string, string>

  constructor(replies: readonly ControlReply[], decode: (value: unknown) => T) {
    const failed = replies.filter(({ value }) => errorOf(value) !== undefined)
    super(
      replies
        .filter(({ value }) => errorOf(value) === undefined)
        .map(({ node, value }) => [node, decode(value)] as const),
    )
    this.errors = new Map(failed.map(({ node, value }) => [node, errorOf(value) ?? '']))
  }

  /** An object by node name, without the errors. */
  toJSON(): Record<string, T> {
    return Object.fromEntries(this)
  }
}

/** The text of a reply that says that the command failed; undefined for any other. */
function errorOf(value: unknown): string | undefined {
  if (!isRecord(value) || !('error' in value) || 'ok' in value) return undefined
  const { error } = value
  return typeof error === 'string' ? error : JSON.stringify(error)
}

/** The text of a reply that says `ok`; empty for one that says nothing. */
export function okOf(value: unknown): string {
  const text = isRecord(value) ? (value['ok'] ?? value) : value
  if (text === null || text === undefined) return ''
  return typeof text === 'string' ? text : JSON.stringify(text)
}

/** Node names that answered more than once: they are not unique. */
export function duplicateNodes(replies: readonly ControlReply[]): string[] {
  const names = replies.map(({ node }) => node)
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))]
}
