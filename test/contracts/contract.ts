import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

/** Names of tests that do not hold for an implementation, each with the reason. */
export type Skips = Readonly<Record<string, string>>

export type Define<T> = (name: string, run: (opened: T) => Promise<void>) => void

/**
 * A contract suite: each test opens what it needs anew and closes it afterwards, also when it fails. A skip that names
 * no test is an error, so that the list cannot outlive its reasons.
 */
export function describeContract<T extends { dispose(): Promise<void> }>(
  name: string,
  open: () => Promise<T>,
  skip: Skips,
  sections: Readonly<Record<string, (define: Define<T>) => void>>,
): void {
  const known = new Set<string>()
  describe(name, () => {
    for (const [section, defineTests] of Object.entries(sections)) {
      describe(section, () => {
        defineTests((test, run) => {
          assert.ok(!known.has(test), `two tests are named '${test}'`)
          known.add(test)
          it(test, { skip: skip[test] ?? false }, async () => {
            const opened = await open()
            try {
              await run(opened)
            } finally {
              await opened.dispose()
            }
          })
        })
      })
    }
    it('skips only tests that exist', () => {
      assert.deepEqual(
        Object.keys(skip).filter((test) => !known.has(test)),
        [],
      )
    })
  })
}

/** Waits until `isDone`, checked whenever something may have changed; fails with `what` after 25 s. */
export async function until(isDone: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  const deadline = performance.now() + 25_000
  while (!(await isDone())) {
    assert.ok(performance.now() < deadline, `waited 25 s for ${what()}`)
    await sleep(2)
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Runs `work` and returns the exceptions that became uncaught until `count` of them were there. */
export async function uncaughtDuring(count: number, work: () => Promise<void>): Promise<unknown[]> {
  const errors: unknown[] = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => errors.push(error))
  try {
    await work()
    await until(
      () => errors.length >= count,
      () => `${count} uncaught exceptions, got ${errors.length}`,
    )
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
  return errors
}
