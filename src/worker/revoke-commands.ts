import { storeRevoked } from '../app/store-revoked.ts'
import type { ResultBackend } from '../backends/backend.ts'
import type { RevokingCommand } from '../control/control-specs.ts'
import { isRecord } from '../protocol/describe-value.ts'
import { reprValue } from '../protocol/python-repr.ts'
import type { Logger } from '../util/logger.ts'
import { textsOf } from './command-arguments.ts'
import { CommandError } from './command-error.ts'
import type { Commands } from './command-body.ts'
import { commonStamps, type Stamps } from './revoked-stamps.ts'
import type { WorkerState } from './worker-state.ts'

const storedAtOnce = 100

/** Commands after which tasks do not run. What they change here is changed before they first wait. */
export const revokeCommands: Pick<Commands, RevokingCommand> = {
  revoke: (worker, { task_id: taskIds, terminate }, { isStored }) =>
    revoke(worker, textsOf(taskIds, 'task_id'), terminate === true, isStored),

  terminate: (worker, { task_id: taskIds }, { isStored }) =>
    revoke(worker, textsOf(taskIds, 'task_id'), true, isStored),

  revoke_by_stamped_headers: ({ app, consumer }, { headers, terminate }) => {
    const stamps = stampsOf(headers)
    consumer.revocations.addStamps(stamps)
    app.log.info({ stamps: reprValue(stamps) }, 'Tasks with these stamps are revoked: {stamps}')
    if (terminate !== true) return { ok: `headers ${reprValue(stamps)} flagged as revoked, but not terminated` }
    const terminated: Record<string, unknown[]> = {}
    for (const request of consumer.running.items()) {
      for (const [name, values] of commonStamps(request.headers.stamps, stamps)) {
        terminated[name] = [...new Set([...(terminated[name] ?? []), ...values])]
        request.execution?.terminate('revoked')
      }
    }
    const isAny = Object.keys(terminated).length > 0
    return {
      ok: isAny ? `headers ${reprValue(terminated)} revoked` : `headers ${reprValue(stamps)} were not terminated`,
    }
  },
}

async function revoke(
  { app, consumer, backend }: WorkerState,
  given: readonly string[],
  terminate: boolean,
  isStored: boolean,
): Promise<{ readonly ok: string }> {
  const ids = [...new Set(given)].filter((id) => id !== '')
  const held = ids.filter((id) => consumer.holds(id))
  for (const id of ids) consumer.revocations.add(id, { terminate })
  if (ids.length > 0) app.log.debug({ ids: ids.join(', ') }, 'Tasks flagged as revoked: {ids}')
  if (!isStored) await storeAll(app.log, backend, ids)
  if (!terminate) return { ok: `tasks ${reprSet(ids)} flagged as revoked` }
  return { ok: held.length === 0 ? 'terminate: tasks unknown' : `terminate: ${held.join(', ')}` }
}

/** Some at a time: somebody may revoke very many at once. */
async function storeAll(log: Logger, backend: ResultBackend, ids: readonly string[]): Promise<void> {
  for (let from = 0; from < ids.length; from += storedAtOnce) {
    const stored = ids
      .slice(from, from + storedAtOnce)
      .map((id) =>
        storeRevoked(backend, id).catch((error: unknown) =>
          log.warn({ err: error, taskId: id }, 'That {taskId} is revoked could not be stored'),
        ),
      )
    await Promise.all(stored)
  }
}

function reprSet(ids: readonly string[]): string {
  return ids.length === 0 ? 'set()' : `{${ids.map((id) => reprValue(id)).join(', ')}}`
}

/** An object, or Celery's command line: a list of `name=value`. */
function stampsOf(headers: unknown): Stamps {
  if (isRecord(headers)) return headers
  const stamps: Record<string, string> = {}
  for (const text of textsOf(headers, 'headers')) {
    const [name = '', value] = text.split('=')
    if (value === undefined) throw new CommandError('IndexError', 'list index out of range')
    stamps[name] = value
  }
  return stamps
}
