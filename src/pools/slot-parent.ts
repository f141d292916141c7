import v8 from 'node:v8'
import { parentPort, Worker } from 'node:worker_threads'
import type { FromSlot, ToSlot } from './slot-messages.ts'

/** The child's end of the way to its parent. */
export interface ParentLine {
  /** Throws for what cannot cross. */
  send(message: FromSlot): void
  listen(onMessage: (message: ToSlot) => void): void
  /** Ends this child once `last` is on its way. */
  end(last?: FromSlot): void
  /** What this child takes: its process, or the heap of its thread. */
  memoryBytes(): number
  /** Sees to it that nothing is left if the parent dies, also while a body blocks the event loop. */
  watchParent(): void
}

/** Throws in a thread or process that nobody started as a slot. */
export function openParentLine(): ParentLine {
  if (parentPort) return threadLine(parentPort)
  if (!process.send) throw new Error('this module is started by a worker, as a slot of its pool')
  return processLine()
}

function threadLine(port: NonNullable<typeof parentPort>): ParentLine {
  return {
    send: (message) => port.postMessage(message),
    listen: (onMessage) => void port.on('message', onMessage),
    end: (last) => {
      if (last) port.postMessage(last)
      process.exit()
    },
    memoryBytes: () => {
      const { used_heap_size: heap, external_memory: external } = v8.getHeapStatistics()
      return heap + external
    },
    // It is the same process.
    watchParent: () => undefined,
  }
}

function processLine(): ParentLine {
  // Ctrl-C and a supervisor reach every process of the group; the parent is the one to act on it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  // Those who read what the worker writes may be gone, and the body is not to blame.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  process.on('disconnect', () => process.exit())
  return {
    send: (message) => void process.send?.(message, undefined, undefined, () => undefined),
    listen: (onMessage) => void process.on('message', (message) => onMessage(message as ToSlot)),
    end: (last) => {
      if (!last) process.exit()
      process.send?.(last, undefined, undefined, () => process.exit(1))
    },
    memoryBytes: () => process.memoryUsage.rss(),
    watchParent: () => {
      const thread = new Worker(watch, { eval: true, execArgv: [], workerData: process.ppid, name: 'celeriac-watch' })
      thread.unref()
    },
  }
}

/** A body may block the event loop for ever: then `disconnect` is not heard. */
const watch = `
const { workerData: parent } = require('node:worker_threads')
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL') }, 500)`
