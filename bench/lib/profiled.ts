import fs from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import path from 'node:path'

const intervalUs = 200

/** Does the work and leaves a V8 CPU profile of it in the folder, if there is one. */
export async function profiled<T>(folder: string | undefined, name: string, work: () => Promise<T>): Promise<T> {
  if (folder === undefined) return work()
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: intervalUs })
  await session.post('Profiler.start')
  try {
    return await work()
  } finally {
    const { profile } = await session.post('Profiler.stop')
    session.disconnect()
    await fs.mkdir(folder, { recursive: true })
    await fs.writeFile(path.join(folder, `${name}-${process.pid}.cpuprofile`), JSON.stringify(profile))
  }
}
