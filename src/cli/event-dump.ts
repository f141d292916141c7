import type { ClusterEvent } from '../protocol/cluster-event.ts'
import { printable } from './output.ts'

/** How Celery calls what happens to workers. */
const workerWords: Readonly<Record<string, string>> = {
  'worker-online': 'started',
  'worker-heartbeat': 'heartbeat',
  'worker-offline': 'shutdown',
}
const inTheLine = new Set(['type', 'hostname', 'timestamp', 'uuid'])
/** Of the tasks that were heard of last. */
const mostNames = 10_000

/** Events as lines, as `celery events --dump` writes them. */
export class EventDump {
  /** What is shown of each task, once its name was heard. */
  readonly #tasks = new Map<string, string>()

  line(event: ClusterEvent): string {
    const { hostname, wire } = event
    const type = event.type === 'custom' ? event.customType : event.type
    const when = new Date(event.timestampMs).toISOString()
    const words = workerWords[type] ?? type.replaceAll('-', ' ')
    const isNew = event.type === 'task-received' || event.type === 'task-sent'
    if (isNew) this.#introduce(event)
    const shown = isNew ? ['name', 'args', 'kwargs'] : []
    const fields = Object.keys(wire)
      .filter((name) => !inTheLine.has(name) && !shown.includes(name))
      .toSorted()
      .map((name) => `${name}=${shownValue(wire[name])}`)
      .join(', ')
    const task = 'taskId' in event && event.taskId !== undefined ? (this.#tasks.get(event.taskId) ?? event.taskId) : ''
    const rest = [task, fields].filter((part) => part !== '').join(' ')
    return printable(`${hostname} [${when}] ${words}${rest === '' ? '' : `: ${rest}`}`)
  }

  #introduce({ taskId, name, args, kwargs }: Extract<ClusterEvent, { type: 'task-sent' | 'task-received' }>): void {
    this.#tasks.delete(taskId)
    this.#tasks.set(taskId, `${name ?? '?'}(${taskId}) args=${args ?? ''} kwargs=${kwargs ?? ''}`)
    const [oldest] = this.#tasks.keys()
    if (this.#tasks.size > mostNames && oldest !== undefined) this.#tasks.delete(oldest)
  }
}

function shownValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
