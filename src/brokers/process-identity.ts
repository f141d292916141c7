import fs from 'node:fs'

/** A process that others on the same host can look up. */
export interface ProcessIdentity {
  /** One boot of one host and one pid namespace: within it, pids mean the same. Null where that cannot be told. */
  readonly host: string | null
  readonly pid: number
  /** When it started, in the kernel's ticks: a pid used again has another one. */
  readonly started: string | null
}

/** Of this process. Only Linux tells enough; elsewhere host and start are null, and nobody calls it gone. */
export function ownIdentity(): ProcessIdentity {
  const { pid } = process
  try {
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const namespace = fs.readlinkSync('/proc/self/ns/pid')
    const started = startOf(pid)
    return started === undefined ? { host: null, pid, started: null } : { host: `${boot} ${namespace}`, pid, started }
  } catch {
    // No /proc: another system, or one that hides it.
    return { host: null, pid, started: null }
  }
}

/** True only if it is certain that the process has ended. */
export function isGone(identity: ProcessIdentity, own: ProcessIdentity): boolean {
  if (identity.host === null || identity.host !== own.host) return false
  const started = startOf(identity.pid)
  // A /proc that hides the processes of other users shows nothing of one that lives.
  return started === undefined ? !isThere(identity.pid) : started !== identity.started
}

/** `ended` if only its exit status is left, undefined if /proc shows no such process. */
function startOf(pid: number): string | undefined {
  let stat: string
  try {
    stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ESRCH')) return undefined
    throw error
  }
  // The name in parentheses may hold anything; state is the 3rd field, start time the 22nd.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : fields[19]
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !hasCode(error, 'ESRCH')
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
