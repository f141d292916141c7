import { ImproperlyConfigured } from '../errors.ts'
import type { CommandRun } from './command-run.ts'

/** True if `--force` was given or somebody answered yes. Throws ImproperlyConfigured where nobody can be asked. */
export async function confirm(run: CommandRun, question: string, force: boolean): Promise<boolean> {
  if (force) return true
  if (!run.terminal.isInteractive) {
    throw new ImproperlyConfigured(`${question} Nobody is there to ask: add --force to go ahead.`)
  }
  const answer = await run.terminal.ask(`${question} (yes/NO) `)
  const isYes = /^y(es)?$/i.test(answer.trim())
  if (!isYes) run.printer.note('Nothing was deleted.')
  return isYes
}
