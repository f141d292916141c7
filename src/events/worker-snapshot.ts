import type { ClusterEvent } from '../protocol/cluster-event.ts'

/** A worker that was not heard for so many of its heartbeats is taken to be gone. */
const missedHeartbeats = 2
/** Before a worker has said how often it sends heartbeats. Seconds. */
const longestFreq = 60

/** What the events that were heard tell of a worker. */
export interface WorkerSnapshot {
  readonly hostname: string
  readonly pid: number | undefined
  /** How often it sends heartbeats. Seconds. */
  readonly freq: number
  /** When it was heard last, in ms since the epoch by the clock of who listens; undefined: it said that it ends. */
  readonly heardAtMs: number | undefined
  /** Logical time of its last event. */
  readonly clock: number
  /** Tasks that run in it. */
  readonly active: number | undefined
  /** Tasks that ever began in it. */
  readonly processed: number | undefined
  readonly loadavg: readonly number[] | undefined
  readonly swIdent: string | undefined
  readonly swVer: string | undefined
  readonly swSys: string | undefined
  /** How far its clock is from that of who listens, the way of the event included. Milliseconds. */
  readonly driftMs: number
}

/** Its last sign of life is younger than two of its heartbeats. */
export function isAlive({ heardAtMs, freq }: WorkerSnapshot, nowMs: number = Date.now()): boolean {
  return heardAtMs !== undefined && nowMs < heardAtMs + freq * missedHeartbeats * 1000
}

/** The worker after an event; every event of its tasks is a sign of life too. */
export function afterWorkerEvent(worker: WorkerSnapshot | undefined, event: ClusterEvent): WorkerSnapshot {
  const { hostname, clock, receivedAtMs, timestampMs, pid } = event
  const before = worker ?? { ...unknownWorker, hostname }
  const isOver = event.type === 'worker-offline'
  const common = {
    ...before,
    pid: pid ?? before.pid,
    clock: Math.max(before.clock, clock),
    heardAtMs: isOver ? undefined : Math.max(before.heardAtMs ?? 0, receivedAtMs),
    driftMs: Math.abs(receivedAtMs - timestampMs),
  }
  if (event.type !== 'worker-heartbeat' && event.type !== 'worker-online' && !isOver) return common
  return {
    ...common,
    freq: event.freq !== undefined && event.freq > 0 ? event.freq : before.freq,
    active: event.active ?? before.active,
    processed: event.processed ?? before.processed,
    loadavg: event.loadavg ?? before.loadavg,
    swIdent: event.swIdent ?? before.swIdent,
    swVer: event.swVer ?? before.swVer,
    swSys: event.swSys ?? before.swSys,
  }
}

const unknownWorker: WorkerSnapshot = {
  hostname: '',
  pid: undefined,
  freq: longestFreq,
  heardAtMs: undefined,
  clock: 0,
  active: undefined,
  processed: undefined,
  loadavg: undefined,
  swIdent: undefined,
  swVer: undefined,
  swSys: undefined,
  driftMs: 0,
}
