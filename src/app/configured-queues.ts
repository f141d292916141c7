import type { Config } from './config.ts'

/** Queues that the settings name: the default one and those of the routes. */
export function configuredQueues({ task }: Config): string[] {
  const routed = Object.values(task.routes).flatMap((route) => route.queue ?? [])
  return [...new Set([task.defaultQueue, ...routed])]
}
