import { main } from '../../src/cli/main.ts'

export interface CommandLineRun {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** One command line in this process; `answer`: what somebody at a terminal says when asked. */
export async function runCommandLine(
  args: readonly string[],
  env: Record<string, string> = {},
  answer?: string,
): Promise<CommandLineRun> {
  let out = ''
  let err = ''
  const code = await main(args, {
    out: { write: (text) => (out += text) },
    err: { write: (text) => (err += text) },
    env,
    isInteractive: answer !== undefined,
    ask: async (question) => {
      err += question
      return Promise.resolve(answer ?? '')
    },
  })
  return { code, out, err }
}
