import { inspect } from 'node:util'
import { formatRemoteError } from '../protocol/remote-error.ts'
import type { Consumption, Explanation, Reason } from './explanation.ts'

type Facts = Omit<Explanation, 'lines'>
type Of<K extends Reason['kind']> = Extract<Reason, { readonly kind: K }>

/** The answer as sentences, the most important first. */
export function explanationLines(facts: Facts, now: Date): string[] {
  const { reason, queue = 'its queue', taskId, taskName } = facts
  switch (reason.kind) {
    case 'finished':
      return finished(reason, facts)
    case 'running':
      return [running(reason, facts, now)]
    case 'reserved':
      return reserved(reason)
    case 'held':
      return held(reason, now)
    case 'deferred':
      return deferred(reason, taskName, now)
    case 'waiting':
      return [
        `It waits in queue ${queue}, ${behind(reason.ahead)}.`,
        `Taken by ${reason.consumers.map(consumption).join(', ')}.`,
      ]
    case 'noConsumer':
      return noConsumer(reason, queue)
    case 'outbox':
      return outbox(reason, queue, now)
    case 'revoked':
      return [`It is revoked: the worker that takes its message from queue ${queue} drops it.`]
    case 'expired':
      return [`It expired at ${reason.expires.toISOString()}: the worker that takes it from queue ${queue} drops it.`]
    case 'dead':
      return [
        `It is a dead letter of queue ${queue}${reason.death ? ` since ${reason.death.at}: ${reason.death.reason}` : ''}`,
        `Send it back with: celeriac dead redrive ${queue} ${taskId}`,
      ]
    case 'unknown':
      return unknown(reason)
  }
}

function finished({ at, result, error }: Of<'finished'>, { state }: Facts): string[] {
  const line = `It is over: ${state}${at ? ` at ${at.toISOString()}` : ''}.`
  return [line, error ? formatRemoteError(error) : `Result: ${inspect(result, briefly)}`]
}

const briefly = { depth: 2, breakLength: Infinity, compact: true, maxArrayLength: 10, maxStringLength: 200 }

/** Without task_track_started nothing is stored of it while it runs: that is no news. */
function running({ worker, since: started }: Of<'running'>, { state }: Facts, now: Date): string {
  const stored = state === 'PENDING' ? '' : ` (${state})`
  return `It runs${worker ? ` in ${worker}` : ''}${since(started, now)}${stored}.`
}

function reserved({ consumption: { worker, busy, slots }, rateLimit }: Of<'reserved'>): string[] {
  const isFull = busy !== undefined && slots !== undefined && busy >= slots
  const first = `${worker} has taken it and not begun yet${isFull ? `: its ${slots} slot(s) are busy` : ''}.`
  return rateLimit === undefined ? [first] : [first, `The task has a rate limit there: ${rateLimit}.`]
}

function held({ holder: { name, isAlive, since: taken }, rateLimit }: Of<'held'>, now: Date): string[] {
  const lines = [`It is lent to ${name}${since(taken, now)}.`]
  if (rateLimit !== undefined && isAlive === undefined)
    lines.push(`The task has a rate limit there (${rateLimit}), and Celery's workers do not say what waits for one.`)
  else if (isAlive === false)
    lines.push('Nothing shows that this lives: the message is given out again when its lease is over.')
  else {
    const again = isAlive === undefined ? 'after its visibility timeout' : 'when its lease is over'
    lines.push(
      `No worker that answered says that it has it: its event loop is blocked, or it died, and the message is given out again ${again}.`,
    )
  }
  return lines
}

function deferred({ until, why, retries, rateLimit, worker }: Of<'deferred'>, name = 'it', now: Date): string[] {
  const when = `${until.toISOString()} (${away(until, now)})`
  const where = worker === undefined ? '' : `, in the memory of ${worker}`
  switch (why) {
    case 'eta':
      return [`It has an ETA or countdown: not before ${when}${where}.`]
    case 'retry':
      return [`It failed and is tried again: retry ${retries} at ${when}${where}.`]
    case 'rateLimit':
      return [`The rate limit of ${name}${rateLimit ? ` (${rateLimit})` : ''} lets it wait until ${when}.`]
    case 'unknown':
      return [
        `A worker put it back until ${when}: for a rate limit, or because a store that it needs could not be reached.`,
      ]
  }
}

function noConsumer({ ahead, answered }: Of<'noConsumer'>, queue: string): string[] {
  const first = `It waits in queue ${queue}, ${behind(ahead)}, and no worker that answered takes from that queue.`
  const blocked = 'one whose event loop is blocked does not answer'
  return answered.length === 0
    ? [first, `No worker answered: none runs, or ${blocked}.`, `Start one with -Q ${queue}.`]
    : [
        first,
        `Workers that answered, with other queues: ${answered.join(', ')}.`,
        `Start one with -Q ${queue}, if none runs: ${blocked}.`,
      ]
}

function outbox(reason: Of<'outbox'>, queue: string, now: Date): string[] {
  const { orm, since: written, ahead, due, isHeld, failures, answered } = reason
  const place = `It waits in the outbox of ${orm}${since(written, now)}, ${behind(ahead)}, to be sent to queue ${queue}.`
  const later = due && due > now ? [`Once sent, it is not to run before ${due.toISOString()} (${away(due, now)}).`] : []
  return [place, ...later, ...whyNotSent(failures, isHeld, answered)]
}

function whyNotSent(
  failures: Of<'outbox'>['failures'],
  isHeld: boolean | undefined,
  answered: readonly string[],
): string[] {
  if (failures.length > 0)
    return failures.map(
      ({ worker, attempts, error }) => `${worker} could not send it, in ${attempts} attempt(s) so far: ${error}`,
    )
  if (isHeld === true) return ['A relay has it and sends it now, or died with it: then another gets it soon.']
  if (answered.length === 0)
    return ['No worker answered, and they send what waits there. Start one, or run: celeriac outbox']
  return [
    `Workers that answered: ${answered.join(', ')}. One that knows this database sends it within outbox_poll_interval.`,
  ]
}

function unknown({ isSearched, unseen, isResultRead, hints }: Of<'unknown'>): string[] {
  const first = isSearched
    ? `Nothing is known of it: no message in any queue, ${isResultRead ? 'no result, ' : ''}and no worker has it.`
    : 'It was not found: the search gave up before it had seen every message. Give a higher limit (--limit).'
  return [first, ...notSeen(unseen), ...hints]
}

function notSeen(unseen: Of<'unknown'>['unseen']): string[] {
  if (unseen.length === 0) return []
  const parts = unseen.map(({ queue, count }) =>
    queue === undefined ? `${count} that are lent` : `${count} in queue ${queue}`,
  )
  return [`Not looked at: ${parts.join(', ')}; those that come next in each queue, and the newest, were.`]
}

function consumption({ worker, busy, slots }: Consumption): string {
  return busy === undefined || slots === undefined ? worker : `${worker} (${busy} of ${slots} slots busy)`
}

function behind(ahead: number): string {
  return ahead === 0 ? 'as the next' : `behind ${ahead} other${ahead === 1 ? '' : 's'}`
}

function since(date: Date | undefined, now: Date): string {
  return date ? ` since ${date.toISOString()} (${span(now.getTime() - date.getTime())})` : ''
}

function away(date: Date, now: Date): string {
  const ms = date.getTime() - now.getTime()
  return ms <= 0 ? 'any moment' : `in ${span(ms)}`
}

/** In the largest unit that gives a number of at least 2. */
function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}h`
  return `${Math.round(seconds / 86_400)}d`
}
