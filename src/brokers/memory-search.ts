import { taskIdOf } from '../protocol/message.ts'
import type { FindResult, FoundMessage } from './broker.ts'
import type { MemoryStore } from './memory-store.ts'

/** Looks for the messages of a task: in the queues, then among those that are lent. */
export function findInMemory(store: MemoryStore, taskId: string, limit: number): FindResult {
  const waiting = findWaiting(store, taskId, limit)
  const lent = findLent(store, taskId, limit)
  return { found: [...waiting.found, ...lent.found], isComplete: waiting.isComplete && lent.isComplete }
}

function findWaiting(store: MemoryStore, taskId: string, limit: number): FindResult {
  const found: FoundMessage[] = []
  const nowMs = Date.now()
  let left = limit
  for (const queue of store.queues()) {
    for (const entry of queue.entries()) {
      const { message, dueAt } = entry
      if (left-- <= 0) return { found, isComplete: false }
      if (taskIdOf(message) !== taskId) continue
      const where = { message, queue: queue.name }
      if (dueAt > nowMs) found.push({ ...where, place: 'deferred', until: new Date(dueAt) })
      else found.push({ ...where, place: 'ready', ahead: queue.countBefore(entry) })
    }
  }
  return { found, isComplete: true }
}

function findLent(store: MemoryStore, taskId: string, limit: number): FindResult {
  const found: FoundMessage[] = []
  const holder = { name: 'this process', since: undefined, isAlive: true }
  let left = limit
  for (const lender of store.lenders) {
    for (const { message, queue } of lender.lent()) {
      if (left-- <= 0) return { found, isComplete: false }
      if (taskIdOf(message) === taskId) found.push({ message, queue, place: 'lent', holder })
    }
  }
  return { found, isComplete: true }
}
