import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ControlReply } from '../protocol/control-message.ts'
import { isRecord } from '../protocol/describe-value.ts'
import type { WorkerState } from './worker-state.ts'

/** For how long nobody may answer before that is all; as in Celery. */
const silenceMs = 1000
/** Where as many have answered as processes heard the question, of which some may have several workers. */
const lingerMs = 100
/** However many answer one after the other. */
const mostMs = 5000
/** No fleet counts so far; a greater number would make ours useless. */
const mostClock = 2 ** 50

/** What another worker told. */
interface Mingled {
  readonly clock: number
  readonly revoked: readonly string[]
}

/**
 * Asks the other workers at the broker, as Celery's do at their start and when they are connected again: takes over what
 * they know to be revoked, which a worker of Python keeps in its memory alone, and adjusts the logical clock. Ends when all
 * that heard the question have answered, at once if nobody did. Nothing that goes wrong keeps the worker from starting.
 */
export async function mingle(worker: WorkerState, signal: AbortSignal): Promise<void> {
  const { app, nodeName, consumer } = worker
  // This worker hears its own question, and answers it if it answers any.
  const { enableRemoteControl } = app.config.worker
  try {
    // Retained revokes are heard in the turn after the listener came.
    await nextTurn()
    const args = { from_node: nodeName, revoked: consumer.revocations.shared() }
    const replies = await app.control.mailbox.ask(
      'hello',
      args,
      { timeout: silenceMs / 1000 },
      {
        expects: ({ here, elsewhere }) => ({
          limit: (enableRemoteControl ? here : 0) + elsewhere,
          lingerMs: elsewhere > 0 ? lingerMs : 0,
        }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(mostMs)]),
      },
    )
    const others = replies.filter(({ node, value }) => node !== nodeName && value !== null)
    const count = others.filter((reply) => takeOver(worker, reply)).length
    app.log.debug({ nodes: count }, count === 0 ? 'mingle: all alone' : 'mingle: sync with {nodes} node(s) complete')
  } catch (error) {
    if (!signal.aborted) app.log.warn({ err: error }, 'mingle: the other workers could not be asked what is revoked')
  }
}

/** All that a worker told, or nothing of it. */
function takeOver({ app, consumer }: WorkerState, { node, value }: ControlReply): boolean {
  const told = readMingled(value)
  if (!told) {
    app.log.warn({ node }, 'mingle: {node} answered hello with what cannot be read; it is ignored')
    return false
  }
  app.clock.adjust(told.clock)
  consumer.revocations.learn(told.revoked)
  return true
}

function readMingled(value: unknown): Mingled | undefined {
  if (!isRecord(value)) return undefined
  const { clock, revoked = {} } = value
  const ids = revokedIds(revoked)
  if (typeof clock !== 'number' || !Number.isInteger(clock) || clock < 0 || clock > mostClock) return undefined
  return ids && { clock, revoked: ids }
}

/** Ids as workers tell them to each other: by id the time and the id, by id the time, or a list. Undefined for anything else. */
export function revokedIds(value: unknown): readonly string[] | undefined {
  if (value === null) return []
  if (Array.isArray(value)) return value.every(isId) ? value : undefined
  if (!isRecord(value)) return undefined
  const isTold = Object.entries(value).every(
    ([id, time]) => isId(id) && typeof (Array.isArray(time) ? time[0] : time) === 'number',
  )
  return isTold ? Object.keys(value) : undefined
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
