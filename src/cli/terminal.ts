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

export const processTerminal: Terminal = {
  out: process.stdout,
  err: process.stderr,
  env: process.env,
  isInteractive: process.stdin.isTTY && process.stderr.isTTY,
  async ask(question) {
    const prompt = createInterface({ input: process.stdin, output: process.stderr })
    try {
      return await prompt.question(question)
    } finally {
      prompt.close()
    }
  },
}
