import type { FindResult, FoundMessage, Unseen } from '../brokers/broker.ts'
import { InvalidArguments } from '../errors.ts'
import { isRemoteError } from '../protocol/remote-error.ts'
import { isException, isReady } from '../protocol/states.ts'
import type { TaskHeaders } from '../protocol/task-message.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import type { Duration } from '../util/duration.ts'
import type { Celeriac } from './app.ts'
import { explanationLines } from './explanation-text.ts'
import type { Explanation, Reason } from './explanation.ts'
import { Fleet } from './fleet.ts'
import { deathOf, headersOf, mostTelling } from './found-messages.ts'
import type { OutboxCall, OutboxSearch } from './outbox-call.ts'
import { isRevokeRetained } from './retained-revokes.ts'

export interface ExplainOptions {
  /** How long workers may take to answer. Default 1 s. */
  readonly timeout?: Duration
  /**
   * How many messages are looked at: the newest, again among those that are lent, and again those that come next in each
   * queue, at most 1000. Default 100,000.
   */
  readonly limit?: number
}

/** What is known of a task from its message, its result and the workers. */
interface Facts {
  readonly app: Celeriac
  readonly taskId: string
  readonly meta: TaskMeta | undefined
  readonly found: FoundMessage | undefined
  readonly isSearched: boolean
  readonly unseen: readonly Unseen[]
  readonly headers: TaskHeaders | undefined
  readonly outbox: OutboxSearch
  readonly fleet: Fleet
  readonly isRevoked: boolean
  readonly now: Date
}

/** Says why a task is not running. Looks without taking part: nothing is taken, and nobody is held up. */
export async function explain(app: Celeriac, taskId: string, options: ExplainOptions = {}): Promise<Explanation> {
  if (typeof (taskId as unknown) !== 'string' || taskId === '')
    throw new InvalidArguments(`explain needs the id of a task, got ${taskId === '' ? 'an empty text' : typeof taskId}`)
  const stored = await metaOf(app, taskId)
  // Final: nothing else has to be asked.
  if (stored?.status === 'SUCCESS') return explanationOf({ taskId, meta: stored }, finished(stored))
  const broker = await app.openBroker()
  // Before the queues: what is sent meanwhile is found there.
  const outbox = await searchOutboxes(app, taskId)
  const [fleet, search, isBroadcastRevoked] = await Promise.all([
    Fleet.ask(app, taskId, options.timeout ?? 1),
    broker.find?.(taskId, { limit: options.limit ?? 100_000 }) ?? nothingFound,
    isRevokeRetained(broker, taskId),
  ])
  // After the search: what came to an end meanwhile has a result.
  const meta = await metaOf(app, taskId)
  const found = mostTelling(search.found)
  const sent = found ?? outbox.found
  const facts: Facts = {
    app,
    taskId,
    meta,
    found,
    unseen: search.unseen,
    isSearched: search.unseen.length === 0 && broker.find !== undefined,
    headers: sent && headersOf(sent.message),
    outbox,
    fleet,
    isRevoked: isBroadcastRevoked || fleet.isRevoked(taskId) || meta?.status === 'REVOKED',
    now: new Date(),
  }
  return explanationOf(facts, reasonOf(facts))
}

const nothingFound: FindResult = { found: [], unseen: [] }

function explanationOf(
  facts: Pick<Facts, 'taskId' | 'meta'> & Partial<Pick<Facts, 'found' | 'headers' | 'outbox'>>,
  reason: Reason,
): Explanation {
  const { taskId, meta, headers } = facts
  const taskName = headers?.task ?? meta?.extended?.name
  const about = { taskId, taskName, queue: queueOf(facts, reason), state: meta?.status ?? 'PENDING', reason }
  return { ...about, lines: explanationLines(about, new Date()) }
}

async function searchOutboxes(app: Celeriac, taskId: string): Promise<OutboxSearch> {
  if (app.models.adapters.length === 0) return { found: undefined, unread: [] }
  return (await import('../outbox/outbox-search.ts')).findInOutboxes(app, taskId)
}

async function metaOf(app: Celeriac, taskId: string): Promise<TaskMeta | undefined> {
  return app.keepsResults ? (await (await app.openBackend()).fetch([taskId]))[0] : undefined
}

function reasonOf(facts: Facts): Reason {
  const { meta, found, fleet, taskId } = facts
  const death = found && deathOf(found)
  if (death) return { kind: 'dead', death }
  const possession = fleet.possessionOf(taskId)
  if (possession?.state === 'active') return { kind: 'running', ...withoutState(possession) }
  // What waits although it failed was sent once more; what is lent and that nobody runs is about to go.
  if (meta && isReady(meta.status) && (!found || meta.status === 'SUCCESS' || found.place === 'lent'))
    return finished(meta)
  if (found) return reasonOfMessage(facts, found)
  if (possession) return reserved(facts, possession.worker)
  if (facts.outbox.found) return inOutbox(facts, facts.outbox.found)
  if (meta) return { kind: 'running', worker: workerIn(meta), since: undefined }
  const { isSearched, unseen, app } = facts
  return { kind: 'unknown', isSearched, unseen, isResultRead: app.keepsResults, hints: hints(facts) }
}

function inOutbox({ fleet }: Facts, { orm, since, ahead, due, isHeld }: OutboxCall): Reason {
  const [failures, answered] = [fleet.outboxTroubles(orm), fleet.workers]
  return { kind: 'outbox', orm, since, ahead, due, isHeld, failures, answered }
}

function reasonOfMessage(facts: Facts, found: FoundMessage): Reason {
  const { headers, fleet, taskId, now, isRevoked } = facts
  const possession = fleet.possessionOf(taskId)
  if (isRevoked) return { kind: 'revoked' }
  const expires = headers?.expires
  if (expires && expires <= now) return { kind: 'expired', expires }
  switch (found.place) {
    case 'ready': {
      const consumers = fleet.consumersOf(found.queue)
      const { ahead } = found
      return consumers.length > 0
        ? { kind: 'waiting', ahead, consumers }
        : { kind: 'noConsumer', ahead, answered: fleet.workers }
    }
    case 'deferred':
      return deferred(facts, found.until)
    case 'lent': {
      const { holder } = found
      // Python's workers keep in their memory what is not due.
      if (headers?.eta && headers.eta > now) return deferred(facts, headers.eta, possession?.worker ?? holder.name)
      return possession ? reserved(facts, possession.worker) : { kind: 'held', holder, rateLimit: rateLimitOf(facts) }
    }
  }
}

function finished({ status, dateDone, result }: TaskMeta): Reason {
  const error = isException(status) && isRemoteError(result) ? result : undefined
  return { kind: 'finished', at: dateDone, result: error ? undefined : result, error }
}

function reserved(facts: Facts, worker: string): Reason {
  return { kind: 'reserved', consumption: facts.fleet.consumption(worker), rateLimit: rateLimitOf(facts) }
}

/** Only an ETA and a retry stand in the message: what else defers is a worker. */
function deferred(facts: Facts, until: Date, worker?: string): Reason {
  const { headers } = facts
  const { eta, retries = 0 } = headers ?? {}
  const rateLimit = rateLimitOf(facts)
  const isAsked = eta !== undefined && Math.abs(eta.getTime() - until.getTime()) < 1000
  const asked = retries > 0 ? 'retry' : 'eta'
  const why = isAsked ? asked : rateLimit === undefined ? 'unknown' : 'rateLimit'
  return { kind: 'deferred', until, why, retries, rateLimit, worker }
}

/** As the workers have it, who may have been told another one; else as the task is defined here. */
function rateLimitOf({ app, headers, fleet }: Facts): string | undefined {
  if (!headers) return undefined
  const told = fleet.rateLimitOf(headers.task)
  const defined = app.tasks.get(headers.task)?.options.rateLimit
  return told ?? (defined === undefined ? undefined : String(defined))
}

function hints({ app, outbox }: Facts): string[] {
  const lines = ['There may be no such task, or it was sent to another broker than this one.']
  if (!app.keepsResults)
    lines.unshift(
      'It may be over: no result backend is configured here. Name it with --result-backend, or the app with -A.',
    )
  else if (app.config.task.ignoreResult) lines.push('task_ignore_result is set: what becomes of tasks is not kept.')
  else lines.push('It may be over: with ignoreResult nothing is kept, and results are forgotten after result_expires.')
  lines.push('A later step of a workflow is not sent before those in front of it are over.')
  lines.push('If it was called in a transaction, that may not be committed.')
  for (const { orm, error } of outbox.unread) lines.push(`The outbox of ${orm} could not be read: ${error.message}`)
  // An app that is known has an ORM, or no outbox.
  if (app.models.adapters.length === 0 && app.tasks.size === 0)
    lines.push('No outbox was looked into: if the app has an ORM, name its module: -A ./app.ts.')
  return lines
}

function queueOf(
  { found, meta, outbox }: Partial<Pick<Facts, 'found' | 'meta' | 'outbox'>>,
  reason: Reason,
): string | undefined {
  const died = reason.kind === 'dead' ? reason.death?.queue : undefined
  return died ?? found?.queue ?? outbox?.found?.queue ?? meta?.extended?.queue
}

function withoutState({ worker, since }: { readonly worker: string; readonly since: Date | undefined }): {
  readonly worker: string
  readonly since: Date | undefined
} {
  return { worker, since }
}

/** STARTED has it. */
function workerIn({ result, extended }: TaskMeta): string | undefined {
  const hostname = (result as { readonly hostname?: unknown } | null)?.hostname
  return typeof hostname === 'string' ? hostname : extended?.worker
}
