/** Waits until `condition` gives a value that is not undefined or false. Fails loudly after ten seconds. */
export async function until<T>(what: string, condition: () => T | Promise<T>): Promise<Exclude<T, false | undefined>> {
  const giveUpAt = Date.now() + 10_000
  for (;;) {
    const value = await condition()
    if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>
    if (Date.now() > giveUpAt) throw new Error(`waited 10 s in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
