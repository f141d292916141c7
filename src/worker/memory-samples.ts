/** More are not remembered. */
const mostSamples = 1000
const megabyte = 1024 ** 2

/** How much memory the process took when somebody asked. */
export class MemorySamples {
  #samples: string[] = []

  /** Takes one, such as `'85.31MB'`. */
  take(): string {
    const sample = shown(process.memoryUsage.rss())
    if (this.#samples.push(sample) > mostSamples) this.#samples.shift()
    return sample
  }

  /** So many of them, evenly spread, and what is taken now, as Celery prints them; they are forgotten. */
  dump(count: number): string {
    const samples = this.#samples
    this.#samples = []
    const step = Math.max(1, Math.floor(samples.length / count))
    const picked = samples.filter((_, index) => index % step === 0).slice(0, count)
    const lines = picked.length === 0 ? [] : ['- rss (sample):', ...picked.map((sample) => `-    > ${sample},`)]
    return [...lines, `- rss (end): ${shown(process.memoryUsage.rss())}.`, ''].join('\n')
  }
}

function shown(bytes: number): string {
  return `${(bytes / megabyte).toFixed(2)}MB`
}
