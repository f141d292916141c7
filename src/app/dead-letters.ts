import type { Broker, Outgoing } from '../brokers/broker.ts'
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
  let left = await broker.count(source)
  if (left === 0) return 0
  let redriven = 0
  let failure: unknown
  const done = Promise.withResolvers<void>()
  const subscription = await broker.subscribe(
    [source],
    (deliveries) => {
      void (async () => {
        for (const delivery of deliveries) {
          const letter = describe(delivery.message)
          if (left > 0 && (!options.taskIds || (letter.taskId !== undefined && options.taskIds.has(letter.taskId)))) {
            await delivery.acknowledge([revived(letter, queue)])
            redriven++
          }
          // What is not wanted stays lent until the end, so that it is not delivered again.
          left--
        }
        if (left <= 0) done.resolve()
      })().catch((error: unknown) => {
        failure = error
        done.resolve()
      })
    },
    { prefetch: left },
  )
  await done.promise
  await subscription[Symbol.asyncDispose]()
  if (failure !== undefined) throw failure
  return redriven
}

function describe(message: Message): DeadLetter {
  const { headers } = message
  const text = (name: string): string | undefined => (typeof headers[name] === 'string' ? headers[name] : undefined)
  return { taskId: text('id'), taskName: text('task'), death: headers[deathHeader] as Death | undefined, message }
}

function revived({ message, death }: DeadLetter, queue: string): Outgoing {
  const { [deathHeader]: _, ...headers } = message.headers
  return { message: { ...message, headers }, queue: death?.queue ?? queue }
}
