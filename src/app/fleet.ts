import type { ControlReply } from '../protocol/control-message.ts'
import { isRecord } from '../protocol/describe-value.ts'
import { decodeOutboxTroubles } from '../protocol/worker-stats.ts'
import type { Duration } from '../util/duration.ts'
import type { Celeriac } from './app.ts'
import type { Consumption, RelayFailure } from './explanation.ts'

/** What a worker says of a task that it has. */
export interface Possession {
  readonly worker: string
  /** `ready`: received, and waiting there for its time. */
  readonly state: 'active' | 'reserved' | 'ready'
  readonly since: Date | undefined
}

/** What the workers that answered know, of celeriac and of Celery. */
export class Fleet {
  readonly #replies: ReadonlyMap<Question, readonly ControlReply[]>

  private constructor(replies: ReadonlyMap<Question, readonly ControlReply[]>) {
    this.#replies = replies
  }

  /** Asks all at once; done when nobody has answered for so long. */
  static async ask(app: Celeriac, taskId: string, timeout: Duration): Promise<Fleet> {
    const { mailbox } = app.control
    const asked = Object.entries(questions(taskId)).map(
      async ([method, args]) => [method as Question, await mailbox.ask(method, args, { timeout })] as const,
    )
    return new Fleet(new Map(await Promise.all(asked)))
  }

  /** Names of all that answered. */
  get workers(): string[] {
    return [...new Set([...this.#replies.values()].flatMap((replies) => replies.map(({ node }) => node)))].toSorted()
  }

  possessionOf(taskId: string): Possession | undefined {
    const found = this.#of('query_task').flatMap(({ node, value }) => {
      const [state, info] = isRecord(value) && Array.isArray(value[taskId]) ? (value[taskId] as unknown[]) : []
      if (state !== 'active' && state !== 'reserved' && state !== 'ready') return []
      return [{ worker: node, state, since: isRecord(info) ? timeOf(info['time_start']) : undefined } as const]
    })
    return found.find(({ state }) => state === 'active') ?? found[0]
  }

  consumersOf(queue: string): Consumption[] {
    return this.#of('active_queues')
      .filter(({ value }) => namesIn(value).includes(queue))
      .map(({ node }) => this.consumption(node))
  }

  consumption(worker: string): Consumption {
    const active = this.#answer('active', worker)
    const stats = this.#answer('stats', worker)
    const pool = isRecord(stats) ? stats['pool'] : undefined
    const slots = isRecord(pool) ? pool['max-concurrency'] : undefined
    return {
      worker,
      busy: Array.isArray(active) ? active.length : undefined,
      slots: typeof slots === 'number' ? slots : undefined,
    }
  }

  /** Why workers could not send what waits in an outbox. */
  outboxTroubles(orm: string): RelayFailure[] {
    return this.#of('stats').flatMap(({ node, value }) =>
      decodeOutboxTroubles(value)
        .filter((trouble) => trouble.orm === orm)
        .map(({ attempts, error }) => ({ worker: node, attempts, error })),
    )
  }

  isRevoked(taskId: string): boolean {
    return this.#of('revoked').some(({ value }) => Array.isArray(value) && value.includes(taskId))
  }

  /** Such as `10/m`. */
  rateLimitOf(taskName: string): string | undefined {
    for (const { value } of this.#of('registered')) {
      const lines = Array.isArray(value) ? value.map(String) : []
      const line = lines.find((each) => each.startsWith(`${taskName} [`))
      const limit = line && /\brate_limit=([^\s\]]+)/.exec(line)?.[1]
      if (limit !== undefined && limit !== '' && limit !== 'None' && limit !== 'null') return limit
    }
    return undefined
  }

  #of(question: Question): readonly ControlReply[] {
    return this.#replies.get(question) ?? []
  }

  #answer(question: Question, worker: string): unknown {
    return this.#of(question).find(({ node }) => node === worker)?.value
  }
}

function questions(taskId: string) {
  return {
    query_task: { ids: [taskId] },
    active_queues: {},
    active: { safe: true },
    stats: {},
    revoked: {},
    registered: { taskinfoitems: ['rate_limit'] },
  } as const
}

type Question = keyof ReturnType<typeof questions>

function namesIn(queues: unknown): unknown[] {
  return Array.isArray(queues) ? queues.map((queue) => (isRecord(queue) ? queue['name'] : undefined)) : []
}

/** Seconds since 1970; a monotonic clock of an old release tells nothing. */
function timeOf(seconds: unknown): Date | undefined {
  return typeof seconds === 'number' && seconds > 1e9 ? new Date(seconds * 1000) : undefined
}
