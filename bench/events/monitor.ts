import { Celeriac } from '../../src/index.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { warningsOnly } from '../peers/celeriac.ts'

/** Hears events as a monitor does: reads every one of them, and counts. */
const { url } = startArgument<{ readonly url: string }>()
const app = new Celeriac('monitor', { broker: url, logger: warningsOnly })
let heard = 0
const receiver = app.events.receiver({ handlers: { '*': () => void heard++ } })
await receiver.listen()

serve({
  heard: (): number => heard,
  async close(): Promise<void> {
    await receiver[Symbol.asyncDispose]()
    await app.close()
  },
})
