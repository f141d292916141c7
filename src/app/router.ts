import type { Config } from './config.ts'

/** Where a call goes. */
export interface ResolvedRoute {
  readonly queue: string
  readonly priority: number | undefined
}

/** Which queue a task goes to: the call, the task, `task_routes` (first match wins), the default queue. */
export class Router {
  readonly #routes: readonly {
    readonly pattern: RegExp
    readonly queue: string | undefined
    readonly priority: number | undefined
  }[]
  readonly #defaultQueue: string
  readonly #celeriacQueues: readonly RegExp[] | undefined
  readonly #known = new Map<string, ResolvedRoute>()

  constructor(config: Config) {
    this.#defaultQueue = config.task.defaultQueue
    this.#celeriacQueues = config.task.celeriacQueues?.map(globPattern)
    this.#routes = Object.entries(config.task.routes).map(([glob, { queue, priority }]) => ({
      pattern: globPattern(glob),
      queue,
      priority,
    }))
  }

  /** The route by name alone. */
  route(taskName: string): ResolvedRoute {
    let route = this.#known.get(taskName)
    if (!route) {
      const match = this.#routes.find(({ pattern }) => pattern.test(taskName))
      route = { queue: match?.queue ?? this.#defaultQueue, priority: match?.priority }
      // Names come from code, but `send` takes any text: the memory stays bounded.
      if (this.#known.size < 10_000) this.#known.set(taskName, route)
    }
    return route
  }

  /** No worker of Celery takes messages from it; undefined where the settings do not say. */
  isCeleriacQueue(queue: string): boolean | undefined {
    return this.#celeriacQueues?.some((pattern) => pattern.test(queue))
  }
}

/** `feed.tasks.*`: `*` stands for any text, all else for itself. */
function globPattern(glob: string): RegExp {
  return new RegExp(
    `^${glob
      .split('*')
      .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
      .join('.*')}$`,
    's',
  )
}
