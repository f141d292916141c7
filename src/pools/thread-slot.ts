import { Worker } from 'node:worker_threads'
import type { FromSlot } from './slot-messages.ts'
import type { OpenTransport } from './slot-transport.ts'

/** A slot in a thread of this process: environment, standard output and file handles of the process are its own. */
export const openThread: OpenTransport = ({ name, entry, onMessage, onExit }) => {
  // Options of Node are inherited unless they are given: given ones may not be those of a whole process.
  const thread = new Worker(entry, { name })
  let failure: string | undefined
  thread.on('message', (message: FromSlot) => onMessage(message))
  thread.on('error', (error: unknown) => (failure = describe(error)))
  thread.on('exit', (code) => onExit(failure ?? `the thread ended with code ${code}`))
  return {
    pid: process.pid,
    send: (message) => thread.postMessage(message),
    kill: () => {
      // One inside a call of native code ends only after it: nobody should have to wait for that.
      thread.unref()
      void thread.terminate()
    },
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `the thread threw ${String(error)}`
  if ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY')
    return `the thread is out of memory: ${error.message}`
  return `the thread threw ${error.stack ?? error.message}`
}
