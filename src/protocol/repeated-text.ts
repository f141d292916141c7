const known = new Map<string, string>()
const mostKnown = 1000

/** A text in JSON, for one that comes again and again: names of tasks and queues, the sender's. */
export function jsonOfRepeated(text: string): string {
  const found = known.get(text)
  if (found !== undefined) return found
  if (known.size === mostKnown) known.clear()
  const json = JSON.stringify(text)
  known.set(text, json)
  return json
}
