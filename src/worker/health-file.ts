import { rm, writeFile } from 'node:fs/promises'
import { OperationalError } from '../errors.ts'
import type { Logger } from '../util/logger.ts'
import type { WorkerHealth } from './readiness.ts'

const writeMs = 5000

/**
 * A file that is written anew every 5 s while the worker is ready and removed when it is not: a probe looks at its age.
 * Throws OperationalError if it cannot be written at all.
 */
export async function openHealthFile(file: string, health: () => WorkerHealth, log: Logger): Promise<AsyncDisposable> {
  let writing = Promise.resolve()
  const write = async (): Promise<void> => {
    const state = health()
    if (state.isReady) await writeFile(file, `${JSON.stringify(state)}\n`)
    else await rm(file, { force: true })
  }
  try {
    // Whether it can be written is seen now, not when the worker is ready.
    await writeFile(file, '')
    await write()
  } catch (cause) {
    throw new OperationalError(`The health file ${file} cannot be written: ${(cause as Error).message}`, { cause })
  }
  const timer = setInterval(() => {
    writing = writing.then(write).catch((error: unknown) => {
      log.warn({ err: error, file }, 'The health file {file} cannot be written: probes will find it too old')
    })
  }, writeMs).unref()
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      await writing
      await rm(file, { force: true })
    },
  }
}
