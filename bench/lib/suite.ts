/** One line of the table. For times and shares lower is better, so a `ratio` below 1 is good there. */
export interface Row {
  readonly case: string
  /** What we are compared with; null: the case is measured by itself. */
  readonly peer: string | null
  readonly ours: number
  readonly theirs: number | null
  /** Ours by theirs within a round, the median over the rounds. */
  readonly ratio: number | null
  readonly unit: string
  /** Ours as a part of the raw store's own speed, where there is one. */
  readonly limit: number | null
}

export interface JudgedRow extends Row {
  /** What is asked of the row, such as `ratio >= 2`. */
  readonly target?: string
  readonly isMet?: boolean
}

/** What the cases of a run share. */
export interface Run {
  readonly rounds: number
  /** Factor on the number of tasks of each measurement. */
  readonly size: number
  /** Undefined: there is no redis-server on this machine. */
  readonly redisPort: number | undefined
  /** Undefined: all. */
  readonly peers: ReadonlySet<string> | undefined
  /** Where our processes leave V8 CPU profiles. */
  readonly profileFolder: string | undefined
  /** A new folder, deleted at the end of the run. */
  makeFolder(): Promise<string>
  progress(text: string): void
}

export interface Case {
  readonly name: string
  run(run: Run): Promise<JudgedRow[]>
}

export interface Suite {
  readonly name: string
  readonly description: string
  readonly needsRedis: boolean
  readonly cases: readonly Case[]
}
