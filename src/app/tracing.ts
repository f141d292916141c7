import { tracingChannel, type TracingChannel } from 'node:diagnostics_channel'
import type { Outgoing } from '../brokers/broker.ts'
import type { Outcome } from '../pools/pool.ts'
import type { Message, MessageProperties } from '../protocol/message.ts'

/** What a subscriber of `start` may add: the traced work then runs inside, such as in a context of its own. */
interface Traced {
  around?: <R>(work: () => R) => R
}

/** One message of a publish. */
export interface PublishedMessage {
  readonly taskName: string
  readonly taskId: string
  readonly queue: string
  /** As they travel; a subscriber of `start` may change them. */
  readonly headers: Record<string, unknown>
  readonly deliverAt: Date | undefined
}

/** `tracing:celeriac.publish:*`: calls go to the broker, into an outbox, or along with the end of a task; and retries. */
export interface PublishTrace extends Traced {
  readonly messages: readonly PublishedMessage[]
}

/** `tracing:celeriac.run:*`: one attempt, from its arguments to its stored result. It never fails: `result` says how it went. */
export interface RunTrace extends Traced {
  readonly taskName: string
  readonly taskId: string
  readonly queue: string
  /** Node name of the worker. */
  readonly workerName: string
  readonly retries: number
  /** 1 for the first delivery. */
  readonly deliveryCount: number
  readonly isEager: boolean
  /** As they travelled. */
  readonly headers: Readonly<Record<string, unknown>>
  readonly properties: MessageProperties
  /** Once it is over. */
  readonly result?: Outcome
}

/** `tracing:celeriac.follow:*`: what follows a message is found out and sent outside its run: the body of a chord, errbacks. */
export interface FollowTrace extends Traced {
  readonly headers: Readonly<Record<string, unknown>>
}

/** Their names are public. Nobody is told anything, and nothing is made to be told, while there is no subscriber. */
export const publishChannel: TracingChannel<unknown, PublishTrace> = tracingChannel('celeriac.publish')
export const runChannel: TracingChannel<unknown, RunTrace> = tracingChannel('celeriac.run')
export const followChannel: TracingChannel<unknown, FollowTrace> = tracingChannel('celeriac.follow')

/** Runs `work` and tells the channel's subscribers. */
export function traced<C extends Traced, R>(
  channel: TracingChannel<unknown, C>,
  trace: C,
  work: () => Promise<R>,
): Promise<R> {
  return channel.tracePromise(async () => (trace.around ? trace.around(work) : work()), trace)
}

/** A message on its way out, as the pipeline knows it. */
interface Sending {
  readonly taskName: string
  readonly taskId: string
  readonly headers: Record<string, unknown>
  readonly outgoing: Outgoing
}

/** Sends calls; subscribers may add headers before. */
export function tracedPublish<R>(calls: readonly Sending[], work: () => Promise<R>): Promise<R> {
  if (!publishChannel.hasSubscribers) return work()
  const messages = calls.map(({ taskName, taskId, headers, outgoing: { queue, deliverAt } }) => ({
    taskName,
    taskId,
    queue,
    headers,
    deliverAt,
  }))
  return traced(publishChannel, { messages }, work)
}

/** Finds out what follows a message, outside its run. */
export function tracedFollowing<R>({ headers }: Message, work: () => Promise<R>): Promise<R> {
  return followChannel.hasSubscribers ? traced(followChannel, { headers }, work) : work()
}
