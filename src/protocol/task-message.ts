/** The headers of task protocol 2, decoded (celery-wire 1.3). */
export interface TaskHeaders {
  readonly task: string
  readonly id: string
  readonly rootId: string | undefined
  readonly parentId: string | undefined
  readonly group: string | undefined
  readonly groupIndex: number | undefined
  readonly retries: number
  readonly eta: Date | undefined
  readonly expires: Date | undefined
  /** Seconds. On the wire `timelimit` is `[hard, soft]`. */
  readonly hardTimeLimit: number | undefined
  /** Seconds. */
  readonly softTimeLimit: number | undefined
  readonly shadow: string | undefined
  readonly argsRepr: string | undefined
  readonly kwargsRepr: string | undefined
  readonly origin: string | undefined
  readonly ignoreResult: boolean | undefined
  readonly replacedTaskNesting: number
  readonly stampedHeaders: readonly string[] | undefined
  readonly stamps: Readonly<Record<string, unknown>>
  /** Headers of the caller's own, kept on retries. */
  readonly custom: Readonly<Record<string, unknown>>
}
