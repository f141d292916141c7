/** Beyond what a machine with ten times too much to do needs. */
const patienceMs = 25_000

/** Waits until `condition` gives a value that is not undefined or false. Fails loudly after 25 s. */
export async function until<T>(what: string, condition: () => T | Promise<T>): Promise<Exclude<T, false | undefined>> {
  const giveUpAt = Date.now() + patienceMs
  for (;;) {
    const value = await condition()
    if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>
    if (Date.now() > giveUpAt) throw new Error(`waited 25 s in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
