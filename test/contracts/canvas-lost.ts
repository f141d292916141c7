import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chain, chord, currentTask, group, TaskError, type AsyncResult } from '../../src/index.ts'
import { openHarness, until, type Harness, type Store } from '../support/worker-harness.ts'

const soon = { timeout: '10s' } as const

// oxlint-disable-next-line typescript/explicit-function-return-type -- its types are what the tests are about
function defineTasks({ app }: Harness) {
  const ran: string[] = []
  const add = app.task('lost.add', (x: number, y: number) => x + y)
  const list = app.task('lost.list', (values: readonly number[]) => values)
  const note = app.task('lost.note', (value: unknown) => void ran.push(`note(${String(value)})`))
  const early = app.task('lost.early', { acksLate: false, maxRetries: 1 }, async (x: number, how: string) => {
    ran.push('early')
    const task = currentTask()
    if (how === 'retry' && task.request.retries === 0) task.retry({ countdown: 0 })
    if (how === 'wait') await task.sleep('1h')
    return x
  })
  return { ran, add, list, note, early }
}

function isChordError(error: unknown): boolean {
  return error instanceof TaskError && error.type === 'ChordError'
}

/** What becomes of workflows whose messages or workers are gone. */
export function describeLost(store: Store): void {
  describe(`workflows that lose tasks on ${store.name}`, () => {
    it('fail as a chord a member of which was purged, within a time that is set, and tell so once', async () => {
      await using harness = await openHarness(store, { result_chord_timeout: '500ms' })
      const { add, list, note, ran } = defineTasks(harness)
      const header = group(add.s(1, 1), add.s(2, 2).set({ queue: 'purged' }), add.s(3, 3).set({ queue: 'purged' }))
      const result = await chain(chord(header, list.s()).linkError(note.s()), note.s()).delay()
      await (await harness.app.openBroker()).purge('purged')
      await Promise.all([harness.startWorker(), harness.startWorker()])
      await assert.rejects(result.get(soon), (error) => {
        assert.match(String(error), /Dependency \S+ raised .*2 of its members did not end/)
        return isChordError(error)
      })
      await until('the callback ran', () => ran.length > 0)
      assert.equal(ran.length, 1)
    })

    it('wait for members that take their time', async () => {
      await using harness = await openHarness(store, { result_chord_timeout: '1500ms' })
      const { list } = defineTasks(harness)
      const slow = harness.app.task('lost.slow', async (x: number) => {
        await currentTask().sleep(`${x * 500}ms`)
        return x
      })
      await harness.startWorker()
      const result = await chord(group([1, 2, 3, 4].map((x) => slow.s(x))), list.s()).delay()
      assert.deepEqual(await result.get(soon), [1, 2, 3, 4])
    })

    it('end where a task that may begin once was cut off, and it does not begin again', async () => {
      await using harness = await openHarness(store)
      const { add, list, early, ran } = defineTasks(harness)
      const inChord = await chord(group(early.s(1, 'wait'), add.s(1, 1)), list.s()).delay()
      const inChain = await chain(early.s(1, 'wait'), add.s(1)).delay()
      const first = await harness.startWorker()
      await until('both began', () => ran.length === 2)
      first.worker.stop('cold')
      await first.stopped
      await harness.startWorker()
      await assert.rejects(inChord.get(soon), isChordError)
      await assert.rejects(inChain.get(soon), /WorkerLostError: .*not run again/)
      assert.deepEqual(ran, ['early', 'early'])
    })

    it('go on where one that may begin once ended, or is retried', async () => {
      await using harness = await openHarness(store)
      const { add, early, list, ran } = defineTasks(harness)
      await harness.startWorker()
      const result = await chain(early.s(1, 'retry'), add.s(1), group(early.s('now'), add.s(2)), list.s()).delay()
      assert.deepEqual(await (result as AsyncResult).get(soon), [2, 4])
      assert.equal(ran.length, 3)
      assert.equal(await (await harness.app.openBroker()).count('celery'), 0)
    })
  })
}
