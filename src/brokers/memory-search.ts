import { taskIdOf } from '../protocol/message.ts'
import { mostNext, type FindResult, type FoundMessage, type Unseen } from './broker.ts'
import type { MemoryStore } from './memory-store.ts'

/** Looks for the messages of a task: in the queues, then among those that are lent. */
export function findInMemory(store: MemoryStore, taskId: string, limit: number): FindResult {
  const waiting = findWaiting(store, taskId, limit)
  const lent = findLent(store, taskId, limit)
  return { found: [...waiting.found, ...lent.found], unseen: [...waiting.unseen, ...lent.unseen] }
}

function findWaiting(store: MemoryStore, taskId: string, limit: number): FindResult {
  const found: FoundMessage[] = []
  const unseen: Unseen[] = []
  const nowMs = Date.now()
  let left = limit
  for (const queue of store.queues()) {
    const entries = queue.list()
    const newest = Math.min(left, entries.length)
    const next = Math.min(limit, mostNext, entries.length - newest)
    left -= newest
    if (next + newest < entries.length) unseen.push({ queue: queue.name, count: entries.length - next - newest })
    for (const entry of [...entries.slice(0, next), ...entries.slice(entries.length - newest)]) {
      const { message, dueAt } = entry
      if (taskIdOf(message) !== taskId) continue
      const where = { message, queue: queue.name }
      if (dueAt > nowMs) found.push({ ...where, place: 'deferred', until: new Date(dueAt) })
      else found.push({ ...where, place: 'ready', ahead: queue.countBefore(entry) })
    }
  }
  return { found, unseen }
}

function findLent(store: MemoryStore, taskId: string, limit: number): FindResult {
  const holder = { name: 'this process', since: undefined, isAlive: true }
  const lent = [...store.lenders].flatMap((lender) => [...lender.lent()])
  const found = lent
    .slice(0, limit)
    .filter(({ message }) => taskIdOf(message) === taskId)
    .map(({ message, queue }): FoundMessage => ({ message, queue, place: 'lent', holder }))
  return { found, unseen: lent.length > limit ? [{ queue: undefined, count: lent.length - limit }] : [] }
}
