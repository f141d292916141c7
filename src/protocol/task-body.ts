/** The three elements of a protocol 2 body: `[args, kwargs, embed]`. */
export interface TaskBody {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly embed: Embed
}

/** Signatures as they are on the wire; `canvas/` reads them. */
export interface Embed {
  readonly callbacks: readonly unknown[] | null
  readonly errbacks: readonly unknown[] | null
  /** What is left of a chain, in reverse order: the last element runs next. */
  readonly chain: readonly unknown[] | null
  readonly chord: unknown
}

export const emptyEmbed: Embed = { callbacks: null, errbacks: null, chain: null, chord: null }
