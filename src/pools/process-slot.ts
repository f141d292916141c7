import { fork } from 'node:child_process'
import type { FromSlot } from './slot-messages.ts'
import type { OpenTransport } from './slot-transport.ts'

/** A slot in a process of its own. It gets the environment, writes where the parent writes, and shares nothing else. */
export const openProcess: OpenTransport = ({ name, entry, onMessage, onExit }) => {
  const child = fork(entry, [], {
    execArgv: inheritedExecArgv(),
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  let ended: string | undefined
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  const over = (): void => {
    if (isOver || ended === undefined) return
    isOver = true
    clearTimeout(timer)
    onExit(ended)
  }
  child.on('message', (message: FromSlot) => onMessage(message))
  // What the child said last may come after the news that it ended.
  child.on('disconnect', over)
  child.on('exit', (code, signal) => {
    ended =
      signal === null ? `the process ended with code ${code}` : `the process was ended by ${signal}${hint(signal)}`
    if (child.connected) timer = setTimeout(over, lastWordsMs)
    else over()
  })
  child.on('error', (error) => {
    // A process that never was does not exit.
    if (child.pid !== undefined) return
    ended = `${name} could not be started: ${error.message}`
    over()
  })
  return {
    pid: child.pid,
    // The channel may be gone already: then `exit` tells.
    send: (message) => void (child.connected && child.send(message, () => undefined)),
    kill: () => void child.kill('SIGKILL'),
  }
}

const lastWordsMs = 1000

/** What most often stands behind a signal. */
function hint(signal: NodeJS.Signals): string {
  if (signal === 'SIGKILL') return ' (killed by somebody, or by the system for want of memory)'
  return signal === 'SIGABRT' ? ' (V8 does this when the heap is full)' : ''
}

/** Options of Node that a child must not have: its debugger would want the parent's port, and it runs a module of its own. */
const notInherited =
  /^(--inspect|--debug|--test|--watch|--experimental-test|-e$|--eval|-p$|--print|--input-type|-i$|--interactive)/

function inheritedExecArgv(execArgv: readonly string[] = process.execArgv): string[] {
  return execArgv.filter((option, index) => {
    const before = execArgv[index - 1]
    const isValueOfOther = before !== undefined && /^(-e|--eval|-p|--print)$/.test(before)
    return !notInherited.test(option) && !isValueOfOther
  })
}
