import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  addToChord,
  chain,
  chord,
  chunks,
  currentTask,
  group,
  Ignore,
  ImproperlyConfigured,
  InvalidArguments,
  replace,
  TaskError,
  TaskRevoked,
  xmap,
  xstarmap,
  GroupResult,
  restoreGroup,
  TimeoutError,
  type AnySignature,
  type AsyncResult,
  type WorkerOptions,
} from '../../src/index.ts'
import { openHarness, rawMessage, until, type Harness, type Store } from '../support/worker-harness.ts'
import { resultOf } from './canvas-results.ts'

const soon = { timeout: '10s' } as const

/** The tasks that the workflows of the tests are made of. */
// oxlint-disable-next-line typescript/explicit-function-return-type -- its types are what the tests are about
function defineTasks({ app }: Harness) {
  const ran: string[] = []
  const add = app.task('canvas.add', (x: number, y: number) => x + y)
  const sum = app.task('canvas.sum', (numbers: readonly number[]) => {
    ran.push(`sum(${numbers.join()})`)
    return numbers.reduce((total, number) => total + number, 0)
  })
  const list = app.task('canvas.list', (values: readonly unknown[], more?: string) => [values, more])
  const fail = app.task('canvas.fail', { maxRetries: 0 }, (x: number): number => {
    throw new RangeError(`cannot take ${x}`)
  })
  const note = app.task('canvas.note', (value: unknown) => void ran.push(`note(${String(value)})`))
  return { ran, add, sum, list, fail, note }
}

type Tasks = ReturnType<typeof defineTasks>
type Start = (options?: WorkerOptions) => Promise<unknown>

async function withTasks(
  store: Store,
  body: (tasks: Tasks & Pick<Harness, 'app'> & { start: Start }) => Promise<void>,
  { worker = true, settings = {} }: { readonly worker?: boolean; readonly settings?: object } = {},
): Promise<void> {
  await using harness = await openHarness(store, settings)
  const tasks = defineTasks(harness)
  const start: Start = (options) => harness.startWorker(options)
  if (worker) await start()
  await body({ ...tasks, app: harness.app, start })
}

/** What groups and chords do, on any store. */
export function describeGroups(store: Store): void {
  describe(`groups on ${store.name}`, () => {
    it('run side by side, and give their results in order', () =>
      withTasks(store, async ({ add, app }) => {
        const result = await group(add.s(1, 1), group([add.s(2, 2), add.s(3, 3)]), chain(add.s(4, 4), add.s(1))).delay()
        assert.deepEqual(await result.get(soon), [2, 4, 6, 9])
        assert.equal(await result.completedCount(), 4)
        const metas = await Promise.all(result.results.map((one) => one.meta()))
        assert.deepEqual(
          metas.map((meta) => meta?.groupId),
          Array.from({ length: 4 }, () => result.id),
        )
        const plus = await group(add.s(1), add.s(10)).delay(5)
        assert.deepEqual(await plus.get(soon), [6, 15])
        assert.deepEqual(await (await group([]).delay()).get(soon), [])
        await result.forget()
        assert.equal(await app.result(result.results[0]?.id ?? '').state(), 'PENDING')
      }))

    it('tell each result as it comes, and are found again by their id', () =>
      withTasks(store, async ({ app, add, fail }) => {
        const slow = app.task('canvas.later', async () => currentTask().sleep('80ms'))
        const result = await group(slow.s(), fail.s(1), add.s(1, 1)).delay()
        const states: string[] = []
        for await (const one of result.iterate(soon)) states.push(`${result.results.indexOf(one)} ${await one.state()}`)
        assert.deepEqual(states.toSorted(), ['0 SUCCESS', '1 FAILURE', '2 SUCCESS'])
        assert.equal(states.at(-1), '0 SUCCESS')
        await assert.rejects(result.get(soon), TaskError)
        await result.save()
        const found = await restoreGroup(result.id, app)
        assert.deepEqual(
          found?.results.map(({ id }) => id),
          result.results.map(({ id }) => id),
        )
        await result.forget()
        assert.equal(await restoreGroup(result.id, app), undefined)
        await assert.rejects(async () => {
          const never = new GroupResult(app, 'g', [app.result('never')])
          for await (const one of never.iterate({ timeout: '20ms' })) assert.fail(one.id)
        }, TimeoutError)
      }))

    it('show what a task published, and what that gave', () =>
      withTasks(store, async ({ add }) => {
        const first = await chain(add.s(1, 1), add.s(10)).delay()
        await first.get(soon)
        const collected = []
        for await (const [, value] of resultOf(first.parent).collect(soon)) collected.push(value)
        assert.deepEqual(collected, [2, 12])
      }))

    it('follow the task before them, and are the end of a chain', () =>
      withTasks(store, async ({ add }) => {
        const result = await chain(add.s(1, 1), group(add.s(10), add.s(20))).delay()
        assert.deepEqual(await result.get(soon), [12, 22])
        assert.equal(await (result.parent as AsyncResult).get(soon), 2)
      }))

    it('of thousands are published in batches from a generator', () =>
      withTasks(store, async ({ add, sum }) => {
        function* members(): Generator<ReturnType<typeof add.s<[number, number]>>> {
          for (let n = 0; n < 1200; n++) yield add.s(n, 1)
        }
        const result = await group(members()).delay()
        assert.deepEqual(
          await result.get(soon),
          Array.from({ length: 1200 }, (_, n) => n + 1),
        )
        assert.equal(await (await chord(group(members()), sum.s()).delay()).get(soon), (1199 * 1200) / 2 + 1200)
      }))
  })

  describe(`chords on ${store.name}`, () => {
    it('give the results of the header, in its order, to the body', () =>
      withTasks(store, async ({ app, sum, list, note, ran }) => {
        const slow = app.task('canvas.slow', async (value: number, ms: number) => {
          await currentTask().sleep(`${ms}ms`)
          return value
        })
        const header = group(slow.s(1, 60), slow.s(2, 30), slow.s(3, 0))
        const result = await chord(header, sum.s()).link(note.s()).delay()
        assert.equal(await result.get(soon), 6)
        assert.deepEqual(await (result.parent as GroupResult).get(soon), [1, 2, 3])
        assert.deepEqual(await (await chord(header, list.s('more')).delay()).get(soon), [[1, 2, 3], 'more'])
        await until('the callback ran', () => ran.includes('note(6)'))
        assert.equal(await (await chord(group([slow.s(7, 0)]), sum.s()).delay()).get(soon), 7)
      }))

    it('are what a group in a chain becomes, however deep', () =>
      withTasks(store, async ({ add, sum, list }) => {
        const whole = chain(
          add.s(1, 1),
          group(add.s(2), chain(add.s(3), add.s(4))),
          sum.s(),
          add.s(5),
          group(add.s(1), group(add.s(2), add.s(3))),
          list.s('end'),
        )
        const result = await whole.delay()
        assert.deepEqual(await result.get(soon), [[19, 20, 21], 'end'])
        const nested = await chord(
          group(chord(group(add.s(1, 1), add.s(2, 2)), sum.s()), chain(add.s(1, 2), group(add.s(1), add.s(2)))),
          list.s(),
        ).delay()
        assert.deepEqual(await nested.get(soon), [[6, 4, 5], null])
        const ofChord = await chain(
          chord(group(add.s(1, 1), add.s(2, 2)), group(list.s('a'), list.s('b'))),
          list.s(),
        ).delay()
        assert.deepEqual(await ofChord.get(soon), [
          [
            [[2, 4], 'a'],
            [[2, 4], 'b'],
          ],
          null,
        ])
      }))

    it('of no members run the body at once, with an empty list', () =>
      withTasks(store, async ({ sum, add }) => {
        assert.equal(await (await chord(group<number>([]), sum.s()).delay()).get(soon), 0)
        const empty: AnySignature[] = [add.s(1, 1), group<number>([]), sum.s()]
        assert.equal(await ((await chain(...empty).delay()) as AsyncResult).get(soon), 0)
      }))

    it('fail once when a member does, after all are over, and tell so once', () =>
      withTasks(store, async ({ add, sum, fail, note, ran }) => {
        const header = group(add.s(1, 1), fail.s(7), fail.s(8), add.s(2, 2))
        const result = await chain(chord(header, sum.s()), add.s(1)).linkError(note.s()).delay()
        await assert.rejects(result.get(soon), (error) => {
          assert.ok(error instanceof TaskError && error.type === 'ChordError')
          assert.match(error.message, /Dependency \S+ raised RangeError\('cannot take 7'\)/)
          return true
        })
        const { results } = (result.parent as AsyncResult).parent as GroupResult
        assert.deepEqual(await Promise.all(results.map((one) => one.state())), [
          'SUCCESS',
          'FAILURE',
          'FAILURE',
          'SUCCESS',
        ])
        assert.equal(await (result.parent as AsyncResult).state(), 'FAILURE')
        await until('the callback ran', () => ran.length > 0)
        assert.deepEqual(ran, [`note(${result.parent?.id})`])
      }))

    it('fail where a chord or a chain inside does, and where a member is revoked, expired, ignored or unknown', () =>
      withTasks(
        store,
        async ({ app, add, sum, fail, start }) => {
          const ignore = app.task('canvas.ignore', (x: number): number => {
            throw new Ignore(`not ${x}`)
          })
          const other = add.s(1, 1)
          const failing = [
            chain(fail.s(1), add.s(2), add.s(3)),
            chord(group(other, fail.s(1)), sum.s()),
            chain(add.s(1, 1), chord(group(add.s(1), fail.s()), sum.s())),
            add.s(1, 1).set({ taskId: 'revoked-one' }),
            add.s(1, 1).set({ expires: '1ms' }),
            ignore.s(1),
            app.signature<number>('canvas.unknown', [1]),
          ]
          const results = []
          for (const member of failing)
            results.push(await chord(group([member as typeof other, other]), sum.s()).delay())
          await app.result('revoked-one').revoke()
          await start()
          for (const result of results) {
            await assert.rejects(result.get(soon), (error) => error instanceof TaskError && error.type === 'ChordError')
          }
        },
        { worker: false },
      ))

    it('count a member once whose message comes twice, also when it comes after the end', () =>
      withTasks(
        store,
        async ({ app, sum, add, ran, start }) => {
          const result = await chord(group(add.s(1, 1), add.s(2, 2)), sum.s()).delay()
          const broker = await app.openBroker()
          const messages = (await broker.peek?.('celery', { offset: 0, limit: 10 })) ?? []
          await broker.publish(messages.map((message) => ({ message, queue: 'celery' })))
          await start({ concurrency: 1 })
          assert.equal(await result.get(soon), 6)
          await broker.publish(messages.map((message) => ({ message, queue: 'celery' })))
          await until('the queue is empty', async () => (await broker.count('celery')) === 0)
          await add.delay(1, 1).then((last) => last.get(soon))
          assert.deepEqual(ran, ['sum(2,4)'])
        },
        { worker: false },
      ))

    it('have the results of members that ignore them', () =>
      withTasks(store, async ({ app, sum }) => {
        const quiet = app.task('canvas.quiet', { ignoreResult: true }, (x: number) => x)
        const result = await chord(group(quiet.s(1), quiet.s(2)), sum.s()).delay()
        assert.equal(await result.get(soon), 3)
        assert.equal(await app.result((result.parent as GroupResult).results[0]?.id ?? '').state(), 'PENDING')
      }))

    it('need a result backend that keeps results', () =>
      withTasks(
        store,
        async ({ sum, add }) => {
          await assert.rejects(chord(group(add.s(1, 1), add.s(2, 2)), sum.s()).delay(), ImproperlyConfigured)
        },
        { worker: false, settings: { result_backend: 'disabled:' } },
      ))

    it('run in eager mode', () =>
      withTasks(
        store,
        async ({ add, sum, fail }) => {
          const result = await chain(add.s(1, 1), group(add.s(1), add.s(2)), sum.s(), add.s(1)).delay()
          assert.equal(await result.get(), 8)
          const failed = await chord(group(add.s(1, 1), fail.s(1)), sum.s()).delay()
          await assert.rejects(failed.get(), /ChordError/)
        },
        { worker: false, settings: { task_always_eager: true } },
      ))
  })

  describe(`what running tasks do to workflows on ${store.name}`, () => {
    it('replace puts a signature, or a group, in the place of the task', () =>
      withTasks(store, async ({ app, add, sum, note, ran }) => {
        const byTask = app.task('canvas.byTask', (x: number): number => replace(add.s(x, 100)))
        const byChain = app.task('canvas.byChain', (x: number): number => replace(chain(add.s(x, 1), add.s(1))))
        const byGroup = app.task('canvas.byGroup', (x: number): number[] => replace(group(add.s(x, 1), add.s(x, 2))))
        const again = app.task('canvas.again', (x: number): number => replace(byTask.s(x)))
        const result = await chain(again.s(1), add.s(5)).link(note.s()).delay()
        assert.equal(await result.get(soon), 106)
        assert.equal(await (result.parent as AsyncResult).get(soon), 101)
        await until('the callback ran', () => ran.includes('note(106)'))
        assert.deepEqual(await (await byGroup.delay(1)).get(soon), [2, 3])
        assert.equal(await (await chain(byGroup.s(1), sum.s()).delay()).get(soon), 5)
        assert.equal(await (await chord(group(byChain.s(1), byTask.s(1), again.s(2)), sum.s()).delay()).get(soon), 206)
        await assert.rejects(async () => replace(add.s(1, 1)), ImproperlyConfigured)
      }))

    it('addToChord lets the body wait for more', () =>
      withTasks(store, async ({ app, add, list }) => {
        const more = app.task('canvas.more', async (x: number) => {
          await addToChord(add.s(x, 10))
          await addToChord(chain(add.s(x, 20), add.s(0)))
          return x
        })
        const result = await chord(group(more.s(1), add.s(2, 2)), list.s()).delay()
        // The members of the call are in its order, those that were added in the order in which they ended.
        const [[first, second, ...added]] = (await result.get(soon)) as [number[], unknown]
        assert.deepEqual([first, second, ...added.toSorted((a, b) => a - b)], [1, 4, 11, 21])
        const alone = await more.delay(1)
        await assert.rejects(alone.get(soon), /ImproperlyConfigured.*is no part of a chord/)
      }))
  })

  describe(`Celery's built-in tasks on ${store.name}`, () => {
    it('call a task for many items: xmap, xstarmap and chunks', () =>
      withTasks(store, async ({ app, add, sum }) => {
        const double = app.task('canvas.double', { queue: 'celery' }, (x: number) => x * 2)
        assert.deepEqual(await (await xmap(double, [1, 2, 3]).delay()).get(soon), [2, 4, 6])
        const pairs = Array.from({ length: 7 }, (_, n): [number, number] => [n, n])
        assert.deepEqual(await (await xstarmap(add, pairs).delay()).get(soon), [0, 2, 4, 6, 8, 10, 12])
        const chunked = chunks(add, pairs, 3)
        assert.deepEqual(await (await chunked.delay()).get(soon), [[0, 2, 4], [6, 8, 10], [12]])
        const flat = app.task('canvas.flat', (lists: readonly (readonly number[])[]) => lists.flat())
        assert.equal(await (await chain(chunked, flat.s(), sum.s()).delay()).get(soon), 42)
        assert.throws(() => chunks(add, pairs, 0), InvalidArguments)
      }))

    it('end a chord of Python whose backend cannot count: celery.chord_unlock', () =>
      withTasks(store, async ({ app, add, sum, fail, ran }) => {
        const [one, two, bad] = [await add.delay(1, 1), await add.delay(2, 2), await fail.delay(3)]
        const body = (taskId: string): object => ({ ...sum.s().data, options: { task_id: taskId }, subtask_type: null })
        const unlock = (ids: readonly string[], taskId: string): Promise<AsyncResult> =>
          app.send('celery.chord_unlock', [`group-${taskId}`, body(taskId)], {
            kwargs: { interval: 0.01, max_retries: null, result: ids.map((id) => [[id, null], null]) },
          })
        await unlock([one.id, two.id], 'good')
        await unlock([one.id, bad.id], 'bad')
        assert.equal(await app.result('good').get(soon), 6)
        await assert.rejects(app.result('bad').get(soon), /ChordError: Dependency \S+ raised RangeError/)
        const late = await add.applyAsync([5, 5], { countdown: '200ms' })
        await unlock([one.id, late.id], 'late')
        assert.equal(await app.result('late').get(soon), 12)
        assert.deepEqual(ran, ['sum(2,4)', 'sum(2,10)'])
      }))

    it('refuse what they are not made for, and stay out of the list of tasks', () =>
      withTasks(store, async ({ app }) => {
        const broken = [
          await app.send('celery.map', [], { kwargs: { task: { task: 'nobody' }, it: [1] } }),
          await app.send('celery.starmap', [], { kwargs: { task: { task: 'canvas.add' }, it: [1] } }),
          await app.send('celery.map', [], { kwargs: { task: 5, it: [1] } }),
        ]
        for (const result of broken)
          await assert.rejects(result.get(soon), /NotRegistered|InvalidArguments|DecodeError/)
        assert.deepEqual(await (await app.send('celery.accumulate', [1, 2], { kwargs: { index: 1 } })).get(soon), 2)
        assert.ok(!app.tasks.names().some((name) => name.startsWith('celery.')))
      }))
  })

  describe(`malformed workflows on ${store.name}`, () => {
    it('fail the task that cannot go on, and stop no worker', () =>
      withTasks(store, async ({ app, add }) => {
        const broker = await app.openBroker()
        const embeds = [
          { chain: [5] },
          { chain: [{ task: 'canvas.add', options: { task_id: 5 } }] },
          { callbacks: ['x'] },
          { callbacks: [{ task: 'celery.chord', kwargs: {} }] },
          { chain: [{ task: 'canvas.add', args: [], options: { countdown: 'soon' } }] },
        ]
        const messages = embeds.map((embed) =>
          rawMessage({ headers: { task: 'canvas.add' }, body: JSON.stringify([[1, 2], {}, embed]) }),
        )
        await broker.publish(messages.map((message) => ({ message, queue: 'celery' })))
        for (const { headers } of messages) {
          await assert.rejects(app.result(String(headers['id'])).get(soon), /DecodeError|InvalidArguments/)
        }
        const endless = rawMessage({
          headers: { task: 'canvas.add', group: 'g' },
          body: JSON.stringify([[1, 2], {}, { chord: { task: '' } }]),
        })
        await broker.publish([{ message: endless, queue: 'celery' }])
        await until('it is settled', async () => (await broker.count('celery')) === 0)
        assert.equal(await (await add.delay(1, 1)).get(soon), 2)
      }))

    it('of revoked members end for who waits', () =>
      withTasks(
        store,
        async ({ add, app, start }) => {
          const result = await group(add.s(1, 1).set({ taskId: 'gone' }), add.s(2, 2)).delay()
          await result.revoke()
          await start()
          await assert.rejects(result.get(soon), TaskRevoked)
          assert.equal(await app.result('gone').state(), 'REVOKED')
        },
        { worker: false },
      ))
  })
}
