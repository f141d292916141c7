import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandRun } from '../../src/cli/command-run.ts'
import { progressLine, withProgress } from '../../src/cli/progress.ts'

/** A command at a terminal or elsewhere, and what it wrote for people. */
function newRun(options: { readonly isTTY?: boolean; readonly quiet?: boolean; readonly json?: boolean }): {
  readonly run: CommandRun
  readonly written: string[]
} {
  const written: string[] = []
  const { isTTY = true, quiet = false, json = false } = options
  const terminal = {
    out: { write: () => true },
    err: { write: (text: string) => written.push(text), isTTY },
    env: {},
    isInteractive: false,
    ask: () => Promise.resolve(''),
  }
  return { run: new CommandRun(terminal, () => ({ json, quiet, colour: false })), written }
}

const slowly = async (): Promise<string> => {
  await sleep(1200)
  return 'done'
}
const long = { label: 'purging mail', total: 200, left: () => Promise.resolve(50) }

describe('progress of long work', () => {
  it('is a line with bar, numbers and the time that is left, wiped away at the end', async () => {
    const { run, written } = newRun({})
    assert.equal(await withProgress(run, long, slowly), 'done')
    assert.match(written[0] ?? '', /purging mail \[#{23}\.{7}\] 150\/200 \(75 %, 1s left\)$/)
    assert.equal(written.at(-1), '\r\u001B[K')
  })

  it('is not shown for short work, to pipes, with --quiet or with --json', async () => {
    const shown = await Promise.all(
      [{ isTTY: false }, { quiet: true }, { json: true }].map(async (options) => {
        const { run, written } = newRun(options)
        await withProgress(run, long, slowly)
        return written
      }),
    )
    const { run, written } = newRun({})
    await withProgress(run, long, () => Promise.resolve())
    assert.deepEqual([...shown, written], [[], [], [], []])
  })

  it('does not hide what went wrong with the work, and does not mind that nobody can count', async () => {
    const { run } = newRun({})
    const blind = { ...long, left: () => Promise.reject(new Error('no connection')) }
    const broken = slowly().then(() => {
      throw new Error('the store is gone')
    })
    await assert.rejects(
      withProgress(run, blind, () => broken),
      /the store is gone/,
    )
  })

  it('has a bar from empty to full', () => {
    assert.equal(progressLine('x', 0, 10, 1000), `x [${'.'.repeat(30)}] 0/10 (0 %)`)
    assert.equal(progressLine('x', 10, 10, 1000), `x [${'#'.repeat(30)}] 10/10 (100 %)`)
    assert.equal(progressLine('x', 0, 0, 1000), `x [${'#'.repeat(30)}] 0/0 (100 %)`)
  })
})
