import type { Celeriac } from '../app/app.ts'
import type { WorkerMetrics } from './metrics.ts'
import type { WorkerHealth } from './readiness.ts'
import type { WorkerOptions } from './worker-options.ts'

export interface ProbesOptions {
  readonly app: Celeriac
  readonly workerName: string
  /** The kind of its pool. */
  readonly pool: string
  readonly health: () => WorkerHealth
  readonly healthPort: WorkerOptions['healthPort']
  readonly healthFile: WorkerOptions['healthFile']
}

export interface Probes extends AsyncDisposable {
  /** Undefined: nobody can ask for them. */
  readonly metrics: WorkerMetrics | undefined
}

/** Answers those who watch a worker from outside, as far as the options say: a supervisor's probes and Prometheus. */
export async function openProbes(options: ProbesOptions): Promise<Probes> {
  const { app, healthPort, healthFile, health } = options
  await using opened = new AsyncDisposableStack()
  let metrics: WorkerMetrics | undefined
  if (healthPort !== undefined) {
    metrics = await openMetrics(options)
    if (metrics) opened.use(metrics)
    const { openHealthServer } = await import('./health-server.ts')
    opened.use(await openHealthServer(healthPort, health, () => metrics?.page()))
  }
  if (healthFile !== undefined)
    opened.use(await (await import('./health-file.ts')).openHealthFile(healthFile, health, app.log))
  const probes = opened.move()
  return { metrics, [Symbol.asyncDispose]: () => probes.disposeAsync() }
}

async function openMetrics({ app, workerName, pool, health }: ProbesOptions): Promise<WorkerMetrics | undefined> {
  const metrics = await import('./metrics.ts')
  return metrics.openMetrics({ app, workerName, pool, isReady: () => health().isReady })
}
