/** What travels, before a broker gives it its own form: AMQP frames, kombu's envelope, a row. */
export interface Message {
  /** Celery's headers as they are on the wire (snake_case). `protocol/task-message.ts` reads and writes them. */
  readonly headers: Readonly<Record<string, unknown>>
  readonly properties: MessageProperties
  /** Such as `application/json`; exact, without parameters. */
  readonly contentType: string
  /** `utf-8` for text, `binary` for bytes. */
  readonly contentEncoding: string
  /** Text where the encoding is `utf-8` and nothing is compressed, else bytes. */
  readonly body: string | Uint8Array
}

export interface MessageProperties {
  readonly correlationId?: string
  readonly replyTo?: string
  /** 0..9, higher first, on every broker. Unset means unset on the wire. */
  readonly priority?: number
  /** 1 transient, 2 persistent. */
  readonly deliveryMode?: 1 | 2
  /** Milliseconds to live as text, as AMQP has it; informational elsewhere. */
  readonly expiration?: string
}

/** Why and where from a message was put among the dead letters; kept in the header `x-celeriac-death`. */
export interface Death {
  readonly reason: string
  readonly queue: string
  /** ISO 8601, UTC. */
  readonly at: string
  readonly deliveries: number
}

/** The header that carries a {@link Death}. */
export const deathHeader = 'x-celeriac-death'

/** The queue that holds the dead letters of `queue`. */
export function deadLetterQueue(queue: string): string {
  return `${queue}.dead`
}

/** The message as it is kept among the dead letters. */
export function withDeath(message: Message, death: Death): Message {
  return { ...message, headers: { ...message.headers, [deathHeader]: death } }
}

/** The id of the task that a message is of: of protocol 1 too, which has it in the body, and beside it here. */
export function taskIdOf({ headers, properties }: Message): string | undefined {
  return typeof headers['id'] === 'string' ? headers['id'] : properties.correlationId
}
