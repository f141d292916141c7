import { Celeriac } from '../../src/index.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { warningsOnly } from '../peers/celeriac.ts'

/** Asks workers by remote control, as a monitor or a person does. */
const { url } = startArgument<{ readonly url: string }>()
const app = new Celeriac('inspector', { broker: url, logger: warningsOnly })
const inspect = app.control.inspect({ limit: 1, timeout: '10s' })
/** What Flower asks, and a ping. */
const questions = [
  () => inspect.ping(),
  () => inspect.stats(),
  () => inspect.active({ safe: true }),
  () => inspect.reserved(),
  () => inspect.activeQueues(),
  () => inspect.registered(),
  () => inspect.conf(),
  () => inspect.revoked(),
] as const

async function ask(index: number): Promise<void> {
  const replies = await questions[index % questions.length]?.()
  if (replies?.size !== 1) throw new Error('the worker did not answer')
}

let timer: NodeJS.Timeout | undefined
let asked = 0
let failed: unknown

serve({
  /** One after the other. */
  async ask({ count }: { readonly count: number }): Promise<void> {
    for (let index = 0; index < count; index++) await ask(index)
  },
  /** Has the worker take messages, or leave them. */
  async consume({ isConsuming }: { readonly isConsuming: boolean }): Promise<void> {
    const options = { limit: 1, timeout: '10s', reply: true } as const
    const replies = await (isConsuming
      ? app.control.addConsumer('celery', options)
      : app.control.cancelConsumer('celery', options))
    if (replies.size !== 1) throw new Error('the worker did not answer')
  },
  /** From now on, so many a minute. */
  begin({ aMinute }: { readonly aMinute: number }): void {
    timer = setInterval(() => void ask(asked++).catch((error: unknown) => (failed = error)), 60_000 / aMinute)
  },
  /** How many were asked. */
  end(): number {
    clearInterval(timer)
    if (failed !== undefined) throw failed
    return asked
  },
  close: (): Promise<void> => app.close(),
})
