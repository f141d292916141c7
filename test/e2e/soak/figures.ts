import { readdirSync, readFileSync } from 'node:fs'
import v8 from 'node:v8'
import vm from 'node:vm'

/** What one process takes, after its garbage was collected. */
export interface ProcessFigures {
  readonly heapBytes: number
  /** Buffers outside the heap. */
  readonly externalBytes: number
  readonly rssBytes: number
  /** RSS of the slots. */
  readonly childrenRssBytes: number
  /** Sockets, pipes, threads and the like that keep the event loop. */
  readonly handles: number
  readonly timers: number
  /** Files that are open. Linux only, else 0. */
  readonly descriptors: number
}

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

/** Of this process. */
export async function ownFigures(): Promise<ProcessFigures> {
  for (let round = 0; round < 3; round++) {
    collectGarbage()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  const resources = process.getActiveResourcesInfo()
  const timers = resources.filter((name) => name === 'Timeout' || name === 'Immediate').length
  return {
    heapBytes: heapUsed,
    externalBytes: external,
    rssBytes: rss,
    childrenRssBytes: childrenRssBytes(process.pid),
    handles: resources.length - timers,
    timers,
    descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
  }
}

function childrenRssBytes(pid: number): number {
  if (process.platform !== 'linux') return 0
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return children.reduce((sum, child) => sum + rssOf(child), 0)
}

function rssOf(pid: string): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kib ?? 0) * 1024
  } catch {
    // It has ended meanwhile.
    return 0
  }
}

/** Answers the parent's questions for them. */
export function answerWithFigures(more: () => object = () => ({})): void {
  process.on('message', (message) => {
    if (message !== 'figures') return
    void ownFigures().then((figures) => process.send?.({ ...figures, ...more() }))
  })
}
