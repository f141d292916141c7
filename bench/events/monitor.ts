import { Celeriac } from '../../src/index.ts'
import { cpuSeconds } from '../lib/cpu.ts'
import { profiled } from '../lib/profiled.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { warningsOnly } from '../peers/celeriac.ts'

/** Hears events as a monitor does: reads every one of them, and counts. */
const { url, profileFolder } = startArgument<{ readonly url: string; readonly profileFolder?: string }>()
const app = new Celeriac('monitor', { broker: url, logger: warningsOnly })
let heard = 0
const receiver = app.events.receiver({ handlers: { '*': () => void heard++ } })
await receiver.listen()
const closing = Promise.withResolvers<void>()
const profiling = profiled(profileFolder, 'monitor', () => closing.promise)
const cpuBefore = cpuSeconds()

serve({
  heard: (): number => heard,
  /** Since it listens. */
  cpu: (): number => cpuSeconds() - cpuBefore,
  async close(): Promise<void> {
    closing.resolve()
    await profiling
    await receiver[Symbol.asyncDispose]()
    await app.close()
  },
})
