/** What a task threw, described: `exc_type`, `exc_message`, `exc_module` and the traceback of a result. */
export interface RemoteError {
  /** Class name, such as `TypeError`. */
  readonly type: string
  /** The arguments of the exception; the first is usually its message. */
  readonly details: readonly unknown[]
  readonly module: string | undefined
  readonly traceback: string | undefined
}
