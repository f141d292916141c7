/** A bar that redraws itself in a terminal; a line for each quarter elsewhere. */
export class Progress {
  readonly #title: string
  readonly #total: number
  readonly #write: ((text: string) => void) | undefined
  readonly #startedAt = performance.now()
  #quarter = 0

  /** `silent` draws nothing. */
  constructor(title: string, total: number, silent: boolean) {
    this.#title = title
    this.#total = total
    this.#write = silent ? undefined : (text) => void process.stdout.write(text)
  }

  at(done: number): void {
    const share = Math.min(1, done / this.#total)
    if (process.stdout.isTTY) {
      const width = 30
      const bar = '█'.repeat(Math.round(share * width)).padEnd(width, '░')
      this.#write?.(`\r${this.#title.padEnd(16)} ${bar} ${this.#figures(done)}\x1b[K${share === 1 ? '\n' : ''}`)
      return
    }
    const quarter = Math.floor(share * 4)
    if (quarter > this.#quarter) this.#write?.(`${this.#title.padEnd(16)} ${this.#figures(done)}\n`)
    this.#quarter = Math.max(quarter, this.#quarter)
  }

  #figures(done: number): string {
    const seconds = (performance.now() - this.#startedAt) / 1000
    return `${grouped(done)} / ${grouped(this.#total)}  ${seconds.toFixed(1)} s`
  }
}

/** 135,233 */
export function grouped(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}
