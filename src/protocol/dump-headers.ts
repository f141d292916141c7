import { jsonOfRepeated } from './repeated-text.ts'
import { dumpJson } from './typed-json.ts'

type Headers = Readonly<Record<string, unknown>>

/** As `dumpJson`, in less time for the headers of a plain call, which are most of all that is sent. */
export function dumpHeaders(headers: Headers): string {
  return isPlain(headers) ? dumpPlain(headers) : dumpJson(headers)
}

/** What `encodeTaskHeaders` makes of a call without options, in a workflow or not called by a task. */
interface PlainHeaders extends Headers {
  readonly task: string
  readonly id: string
  readonly retries: number
  readonly root_id: string
  readonly argsrepr: string
  readonly kwargsrepr: string
  readonly origin: string
  readonly ignore_result: boolean
}

/** Members of what `encodeTaskHeaders` writes. */
const count = 19

/** Member by member: a loop over their names takes longer than is gained here. */
function isPlain(headers: Headers): headers is PlainHeaders {
  const { lang, shadow, eta, expires, group, group_index: index, parent_id: parent, stamped_headers: stamped } = headers
  if (shadow !== null || eta !== null || expires !== null || group !== null) return false
  if (index !== null || parent !== null || stamped !== null || lang !== 'js') return false
  const { task, id, root_id: root, argsrepr, kwargsrepr, origin } = headers
  if (typeof task !== 'string' || typeof id !== 'string' || typeof root !== 'string') return false
  if (typeof argsrepr !== 'string' || typeof kwargsrepr !== 'string' || typeof origin !== 'string') return false
  const { retries, ignore_result: ignores, replaced_task_nesting: nesting, timelimit, stamps } = headers
  if (!Number.isSafeInteger(retries) || typeof ignores !== 'boolean' || nesting !== 0) return false
  if (!Array.isArray(timelimit) || timelimit.length !== 2 || timelimit[0] !== null || timelimit[1] !== null)
    return false
  return isRecordOf(stamps, 0) && isRecordOf(headers, count)
}

function isRecordOf(value: unknown, size: number): boolean {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false
  let keys = 0
  for (const _ in value) keys++
  return keys === size
}

/** In the order of `encodeTaskHeaders`. */
function dumpPlain(headers: PlainHeaders): string {
  const { task, id, retries, root_id: rootId, argsrepr, kwargsrepr, origin, ignore_result: ignoresResult } = headers
  const idText = JSON.stringify(id)
  return (
    `{"lang":"js","task":${jsonOfRepeated(task)},"id":${idText},"shadow":null,"eta":null,"expires":null,"group":null,` +
    `"group_index":null,"retries":${retries},"timelimit":[null,null],` +
    `"root_id":${rootId === id ? idText : JSON.stringify(rootId)},"parent_id":null,` +
    `"argsrepr":${JSON.stringify(argsrepr)},"kwargsrepr":${JSON.stringify(kwargsrepr)},` +
    `"origin":${jsonOfRepeated(origin)},"ignore_result":${ignoresResult},"replaced_task_nesting":0,` +
    `"stamped_headers":null,"stamps":{}}`
  )
}
