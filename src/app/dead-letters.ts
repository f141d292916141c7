import type { Broker, Delivery, IsOver, Outgoing } from '../brokers/broker.ts'
import { OperationalError } from '../errors.ts'
import { deadLetterQueue, deathHeader, type Death, type Message } from '../protocol/message.ts'

/** One message that could not be run, with the reason. */
export interface DeadLetter {
  readonly taskId: string | undefined
  readonly taskName: string | undefined
  readonly death: Death | undefined
  readonly message: Message
}

export interface RedriveOptions {
  /** Only these; default: all that are there at the start. */
  readonly taskIds?: ReadonlySet<string>
}

/** The dead letters of a queue, oldest first. Throws OperationalError where the broker cannot show messages. */
export async function* listDeadLetters(broker: Broker, queue: string, pageSize = 100): AsyncGenerator<DeadLetter> {
  if (!broker.peek) throw new OperationalError('this broker cannot show waiting messages')
  for (let offset = 0; ; offset += pageSize) {
    const messages = await broker.peek(deadLetterQueue(queue), { offset, limit: pageSize })
    yield* messages.map(describe)
    if (messages.length < pageSize) return
  }
}

/** Sends dead letters back to the queue they died in, each in one step, and returns how many went. */
export async function redrive(broker: Broker, queue: string, options: RedriveOptions = {}): Promise<number> {
  const source = deadLetterQueue(queue)
  const atStart = await broker.count(source)
  if (atStart === 0) return 0
  const letters = new LetterTaker(atStart, queue, options.taskIds)
  const subscription = await broker.subscribe([source], (deliveries) => letters.take(deliveries), { prefetch: atStart })
  // Somebody else may take some of them: then fewer come than were counted.
  const timer = setInterval(() => {
    broker.count(source).then((left) => left === 0 && letters.end(), letters.fail)
  }, 200)
  try {
    return await letters.taken
  } finally {
    clearInterval(timer)
    await subscription[Symbol.asyncDispose]()
  }
}

/** Letters looked at at once, of each priority. */
const pageSize = 100

/**
 * Deletes those that died more than `expiresMs` ago, the oldest first, and gives what went page by page. What bears no time of
 * its death stays.
 */
export async function* deleteExpiredDeadLetters(
  broker: Broker,
  queue: string,
  expiresMs: number,
): AsyncGenerator<Omit<DeadLetter, 'message'>[]> {
  const isOver: IsOver = (headers) => {
    const diedAt = Date.parse(String(describeHeaders(headers).death?.at))
    return diedAt + expiresMs < Date.now()
  }
  for (;;) {
    const gone = (await broker.prune?.(deadLetterQueue(queue), pageSize, isOver)) ?? []
    if (gone.length === 0) return
    yield gone.map(describeHeaders)
  }
}

class LetterTaker {
  readonly taken: Promise<number>
  readonly fail: (error: unknown) => void
  readonly #queue: string
  readonly #wanted: ReadonlySet<string> | undefined
  readonly #done: (redriven: number) => void
  readonly #moving: Promise<void>[] = []
  #expected: number
  #redriven = 0

  constructor(expected: number, queue: string, wanted: ReadonlySet<string> | undefined) {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.taken = promise
    this.fail = reject
    this.#done = resolve
    this.#expected = expected
    this.#queue = queue
    this.#wanted = wanted
  }

  /** What is not wanted stays lent until the end, so that it does not come again. */
  take(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      if (this.#expected-- <= 0) continue
      const letter = describe(delivery.message)
      if (this.#wanted && !this.#wanted.has(letter.taskId ?? '')) continue
      this.#redriven++
      this.#moving.push(delivery.acknowledge([revived(letter, this.#queue)]))
    }
    if (this.#expected <= 0) this.end()
  }

  end(): void {
    Promise.all(this.#moving).then(() => this.#done(this.#redriven), this.fail)
  }
}

function describe(message: Message): DeadLetter {
  return { ...describeHeaders(message.headers), message }
}

function describeHeaders(headers: Message['headers']): Omit<DeadLetter, 'message'> {
  const text = (name: string): string | undefined => (typeof headers[name] === 'string' ? headers[name] : undefined)
  return { taskId: text('id'), taskName: text('task'), death: headers[deathHeader] as Death | undefined }
}

function revived({ message, death }: DeadLetter, queue: string): Outgoing {
  const { [deathHeader]: _, ...headers } = message.headers
  return { message: { ...message, headers }, queue: death?.queue ?? queue }
}
