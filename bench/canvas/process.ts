import { Celeriac, Worker, type AnyResult } from '../../src/index.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { warningsOnly } from '../peers/celeriac.ts'
import { workflowOf, type Measured, type Workflow } from './workflow.ts'

const { role, url } = startArgument<{ readonly role: 'worker' | 'producer'; readonly url: string }>()
const app = new Celeriac('bench', {
  broker: url,
  backend: url,
  logger: warningsOnly,
  settings: { task_celeriac_queues: ['*'] },
})

if (role === 'worker') {
  workflowOf(app, { form: 'chain', count: 2 })
  const broker = await app.openBroker()
  const backend = await app.openBackend()
  const [subscribe, part] = [broker.subscribe.bind(broker), backend.workflowPart.bind(backend)]
  let bytes = 0
  broker.subscribe = (queues, onDeliveries, options) => {
    const counted: typeof onDeliveries = (deliveries) => {
      for (const { message } of deliveries) bytes += message.body.length
      onDeliveries(deliveries)
    }
    return subscribe(queues, counted, options)
  }
  backend.workflowPart = async (workflowId, number) => {
    const text = await part(workflowId, number)
    bytes += text?.length ?? 0
    return text
  }
  const worker = new Worker(app)
  const stopped = worker.run()
  await worker.ready
  serve({
    bytes: () => bytes,
    close: async () => {
      worker.stop()
      await stopped
      await app.close()
    },
  })
} else {
  serve({
    async run(what: Workflow): Promise<Omit<Measured, 'bytes'>> {
      await using sender = new Celeriac('bench', {
        broker: url,
        backend: url,
        logger: warningsOnly,
        settings: { task_celeriac_queues: ['*'] },
      })
      const whole = workflowOf(sender, what)
      await Promise.all([sender.openBroker(), sender.openBackend()])
      const startedAt = performance.now()
      const result = (await whole.applyAsync([])) as AnyResult
      const publishMs = performance.now() - startedAt
      await result.get({ timeout: '5m' })
      return { publishMs, doneMs: performance.now() - startedAt }
    },
    close: () => app.close(),
  })
}
