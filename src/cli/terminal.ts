import { createInterface } from 'node:readline/promises'

export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
}

/** What a command may touch of the world around it. */
export interface Terminal {
  /** Data, for people or for a pipe. */
  readonly out: Output
  /** Logs, questions, errors. */
  readonly err: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** Somebody is there who can answer. */
  readonly isInteractive: boolean
  ask(question: string): Promise<string>
}

/** The answer of a line. Empty where somebody pressed Ctrl-C or Ctrl-D instead. */
export async function askOn(
  streams: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream },
  question: string,
): Promise<string> {
  const prompt = createInterface({ ...streams, terminal: true })
  try {
    return await prompt.question(question)
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'AbortError') throw error
    streams.output.write('\n')
    return ''
  } finally {
    prompt.close()
  }
}

export const processTerminal: Terminal = {
  out: process.stdout,
  err: process.stderr,
  env: process.env,
  isInteractive: process.stdin.isTTY && process.stderr.isTTY,
  ask: (question) => askOn({ input: process.stdin, output: process.stderr }, question),
}
