import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  chain,
  currentTask,
  group,
  Ignore,
  InvalidArguments,
  TaskError,
  TaskRevoked,
  Worker,
  type Celeriac,
  type TaskRequest,
} from '../../src/index.ts'
import type { Message } from '../../src/protocol/message.ts'
import { openHarness, until, type Harness, type Store } from '../support/worker-harness.ts'
import { assertLinked, resultOf, resultsOf } from './canvas-results.ts'

const soon = { timeout: '10s' } as const

/** The tasks that the workflows of the tests are made of. */
// oxlint-disable-next-line typescript/explicit-function-return-type -- its types are what the tests are about
function defineTasks({ app }: Harness) {
  const ran: string[] = []
  const add = app.task('canvas.add', (x: number, y: number) => {
    ran.push(`add(${x}, ${y})`)
    return x + y
  })
  const text = app.task('canvas.text', (value: number) => `<${value}>`)
  const fail = app.task('canvas.fail', { maxRetries: 0 }, (x: number): number => {
    throw new RangeError(`cannot take ${x}`)
  })
  const note = app.task('canvas.note', (value: unknown) => void ran.push(`note(${String(value)})`))
  return { ran, add, text, fail, note }
}

async function workerOf(app: Celeriac): Promise<AsyncDisposable> {
  const worker = new Worker(app)
  const stopped = worker.run()
  await worker.ready
  return {
    [Symbol.asyncDispose]: async () => {
      worker.stop('cold')
      await stopped
    },
  }
}

/** What waits in a queue, as it travels. */
async function waiting({ app }: Harness, queue = 'celery'): Promise<readonly [Message, unknown[]][]> {
  const messages = (await (await app.openBroker()).peek?.(queue, { offset: 0, limit: 50 })) ?? []
  return messages.map((message) => [message, JSON.parse(String(message.body)) as unknown[]])
}

/** What workflows do, on any store. */
export function describeCanvas(store: Store): void {
  describe(`signatures on ${store.name}`, () => {
    it('are calls to be made later, with arguments and options to come', async () => {
      await using harness = await openHarness(store)
      const { add } = defineTasks(harness)
      const signature = add.s(2).set({ queue: 'sums', kwargs: {} })
      const result = await signature.clone(40).applyAsync([], { headers: { from: 'test' }, taskId: 'sum-1' })
      assert.equal(result.id, 'sum-1')
      const [[message, body] = assert.fail()] = await waiting(harness, 'sums')
      assert.deepEqual(body, [[40, 2], {}, { callbacks: null, errbacks: null, chain: null, chord: null }])
      assert.equal(message.headers['from'], 'test')
      await harness.startWorker({ queues: ['sums'] })
      assert.equal(await result.get(soon), 42)
      assert.throws(() => signature.set({ prioritty: 3 } as object), InvalidArguments)
    })

    it('of tasks that are defined elsewhere travel as well', async () => {
      await using harness = await openHarness(store)
      await harness.app.signature('py.resize', [42], { kwargs: { width: 80 }, immutable: true }).delay()
      const [[message, body] = assert.fail()] = await waiting(harness)
      assert.equal(message.headers['task'], 'py.resize')
      assert.deepEqual(body.slice(0, 2), [[42], { width: 80 }])
    })

    it('are sent with the result when a call succeeded, alone or many as a group', async () => {
      await using harness = await openHarness(store)
      const { add, note, ran } = defineTasks(harness)
      await harness.startWorker({ concurrency: 1 })
      const alone = await add.applyAsync([1, 2], { link: add.s(10) })
      await until('the callback ran', () => ran.includes('add(3, 10)'))
      const children = await alone.children()
      assert.equal(await children[0]?.get(soon), 13)
      assert.equal((await children[0]?.meta())?.parentId, alone.id)
      const many = await add.s(2, 2).link(add.s(5)).link(note.s()).link(note.si('immutable')).delay()
      await until('all ran', () => ['add(4, 5)', 'note(4)', 'note(immutable)'].every((one) => ran.includes(one)))
      const results = await many.children()
      await Promise.all(results.map((result) => result.get(soon)))
      const metas = await Promise.all(results.map((result) => result.meta()))
      assert.equal(metas.length, 3)
      assert.ok(metas[0]?.groupId !== undefined && metas.every((meta) => meta?.groupId === metas[0]?.groupId))
    })

    it('are called once when a call failed: with its id, or by the failing worker with the error', async () => {
      await using harness = await openHarness(store)
      const { fail, ran } = defineTasks(harness)
      const byId = harness.app.task('canvas.byId', (id: string, extra: string) => void ran.push(`${id} ${extra}`))
      const inline = harness.app.task(
        'canvas.inline',
        (request: TaskRequest, error: TaskError, traceback: string | undefined) => {
          ran.push(`${request.id} ${request.args.join()} ${error.type} ${error.message} ${typeof traceback}`)
        },
      )
      await harness.startWorker()
      const result = await fail.applyAsync([7], {
        linkError: [byId.s('extra'), inline.s()],
        link: fail.s(),
        taskId: 'f',
      })
      await assert.rejects(result.get(soon), TaskError)
      await until('both were called', () => ran.length === 2)
      assert.deepEqual(ran.toSorted(), ['f 7 RangeError RangeError: cannot take 7 string', 'f extra'])
    })

    it('carry stamps, which the task and its callbacks see', async () => {
      await using harness = await openHarness(store)
      const { add } = defineTasks(harness)
      const stamps = harness.app.task('canvas.stamps', (sum: number) => [sum, currentTask().request.stamps] as const)
      const stamped = { tenant: 'acme', batch: [1, 2] }
      const last = await chain(add.s(1, 2), stamps.s())
        .stamp({ tenant: 'acme' })
        .stamp({ batch: [1, 2] })
        .delay()
      const { worker, stopped } = await harness.startWorker()
      assert.deepEqual(await last.get(soon), [3, stamped])
      worker.stop()
      await stopped
      await add.s(1, 2).link(add.s(3)).stamp(stamped).delay()
      const [[message, body] = assert.fail()] = await waiting(harness)
      assert.deepEqual(message.headers['stamped_headers'], ['tenant', 'batch'])
      assert.deepEqual(message.headers['stamps'], stamped)
      const [callback] = (body[2] as { callbacks: { options: object }[] }).callbacks
      assert.deepEqual(callback?.options, { stamped_headers: ['tenant', 'batch'], ...stamped })
    })
  })

  describe(`chains on ${store.name}`, () => {
    it('pass each result on, and know root, parents and children', async () => {
      await using harness = await openHarness(store)
      const { add, text } = defineTasks(harness)
      await harness.startWorker()
      const last = await chain(add.s(1, 2), chain(add.s(3), add.si(5, 5)), add.s(6), text.s()).delay()
      assert.equal(await last.get(soon), '<16>')
      const results = resultsOf(last)
      assert.deepEqual(await Promise.all(results.map((result) => result.get(soon))), [3, 6, 10, 16, '<16>'])
      await assertLinked(results)
    })

    it('hand options of a call on to what they begin with, and stamps to all', async () => {
      await using harness = await openHarness(store)
      const { add } = defineTasks(harness)
      const many = harness.app.task('canvas.many', (numbers: readonly number[]) => numbers.length)
      const later = chain(group(add.s(1, 1), add.s(2, 2)), many.s().link(add.s(1)))
      await later.applyAsync([], { queue: 'first', countdown: '1h', stamps: { tenant: 5 } })
      await group(add.s(1, 1), chain(add.s(2, 2), add.s(3)))
        .set({ queue: 'second', priority: 3 })
        .delay()
      const [first, second] = [await waiting(harness, 'first'), await waiting(harness, 'second')]
      assert.deepEqual([first.length, second.length], [2, 2])
      assert.ok(first.every(([{ headers }]) => headers['eta'] !== null))
      const texts = first.map(([, body]) => JSON.stringify(body))
      assert.ok(
        texts.every((body) => (body.match(/"tenant":5/g) ?? []).length >= 2 && !body.includes('countdown')),
        texts[0],
      )
      assert.deepEqual(
        second.map(([{ properties }]) => properties.priority),
        [3, 3],
      )
    })

    it("travel as Celery's: the first message carries the others, the next one last", async () => {
      await using harness = await openHarness(store)
      const { add, note } = defineTasks(harness)
      const last = await chain(add.s(1, 1), add.s(2), add.s(3))
        .linkError(note.s())
        .link(note.si(0))
        .set({ taskId: 'the-last' })
        .delay()
      const onError = [signatureJson('canvas.note', [])]
      const [[message, body] = assert.fail()] = await waiting(harness)
      assert.equal(last.id, 'the-last')
      assert.equal(message.headers['root_id'], message.headers['id'])
      assert.equal(message.headers['id'], last.parent?.parent?.id)
      assert.deepEqual(body, [
        [1, 1],
        {},
        {
          callbacks: null,
          errbacks: onError,
          chain: [
            signatureJson('canvas.add', [3], {
              link_error: onError,
              task_id: 'the-last',
              link: [{ ...signatureJson('canvas.note', [0]), immutable: true }],
            }),
            signatureJson('canvas.add', [2], { link_error: onError, task_id: last.parent?.id }),
          ],
          chord: null,
        },
      ])
      await harness.startWorker({ queues: ['none'] })
    })

    it('end with the step that fails: those behind it fail alike, callbacks run once', async () => {
      await using harness = await openHarness(store)
      const { add, fail, note, ran } = defineTasks(harness)
      await harness.startWorker()
      const last = await chain(add.s(1, 2), fail.s(), add.s(1), add.s(1)).linkError(note.s()).link(note.s()).delay()
      await assert.rejects(last.get(soon), /RangeError: cannot take 3/)
      const failed = resultOf(last.parent?.parent)
      await until('the callback ran', () => ran.includes(`note(${failed.id})`))
      assert.equal(await resultOf(last.parent).state(), 'FAILURE')
      assert.equal(await resultOf(failed.parent).state(), 'SUCCESS')
      assert.deepEqual(ran, ['add(1, 2)', `note(${failed.id})`])
    })

    it('wait for retries in the middle', async () => {
      await using harness = await openHarness(store)
      const { add } = defineTasks(harness)
      const shaky = harness.app.task('canvas.shaky', { maxRetries: 3 }, (x: number) => {
        const task = currentTask()
        if (task.request.retries < 2) task.retry({ countdown: '10ms' })
        return x + task.request.retries
      })
      await harness.startWorker()
      assert.equal(await (await chain(add.s(1, 2), shaky.s(), add.s(10)).delay()).get(soon), 15)
    })

    it('end for those who wait when a step is revoked, expired, ignored, rejected or unknown', async () => {
      await using harness = await openHarness(store)
      const { app } = harness
      const { add } = defineTasks(harness)
      const ignore = app.task('canvas.ignore', (x: number): number => {
        throw new Ignore(`not today: ${x}`)
      })
      const revoked = await chain(add.s(1, 2), add.s(1).set({ taskId: 'revoked' }), add.s(1)).delay()
      await resultOf(revoked.parent).revoke()
      const expired = await chain(add.s(1, 2).set({ expires: '1ms' }), add.s(1), add.s(1)).delay()
      const ignored = await chain(add.s(1, 2), ignore.s(), add.s(1)).delay()
      const unknown = await chain(add.s(1, 2), app.signature<number>('canvas.unknown'), add.s(1)).delay()
      await harness.startWorker()
      await assert.rejects(revoked.get(soon), TaskRevoked)
      await assert.rejects(expired.get(soon), TaskRevoked)
      await assert.rejects(ignored.get(soon), TaskRevoked)
      await assert.rejects(unknown.get(soon), /NotRegistered/)
    })

    it('go on with the stored result where a worker died between it and the acknowledgement', async () => {
      await using harness = await openHarness(store)
      const { app } = harness
      const { add, ran } = defineTasks(harness)
      const result = await chain(add.s(1, 2), add.s(10)).delay()
      const backend = await app.openBackend()
      await backend.store({ taskId: result.parent?.id ?? '', status: 'SUCCESS', result: 30, dateDone: new Date() })
      // Taken and given back, as by a worker that died.
      const broker = await app.openBroker()
      const { promise, resolve } = Promise.withResolvers<void>()
      const subscription = await broker.subscribe(
        ['celery'],
        ([delivery]) => void delivery?.reject({ requeue: true }).then(resolve),
        { prefetch: 1 },
      )
      await promise
      await subscription[Symbol.asyncDispose]()
      await harness.startWorker()
      assert.equal(await result.get(soon), 40)
      assert.deepEqual(ran, ['add(30, 10)'])
    })

    it('go on where the message was acknowledged before the body ran', async () => {
      await using harness = await openHarness(store, { task_acks_late: false })
      const { add } = defineTasks(harness)
      await harness.startWorker()
      assert.equal(await (await chain(add.s(1, 2), add.s(3)).delay()).get(soon), 6)
    })

    it('show nowhere what a later step hides, whoever sends it', async () => {
      await using harness = await openHarness(store)
      const { app } = harness
      const { add } = defineTasks(harness)
      const hidden = app.task(
        'canvas.hidden',
        { secret: [1] },
        (sum: number, password: string) => sum + password.length,
      )
      await chain(add.s(1, 2), hidden.s('hunter2-secret'), hidden.s('another-secret')).delay()
      const [[, body] = assert.fail()] = await waiting(harness)
      const [last, next] = (body[2] as { chain: { options: Record<string, unknown> }[] }).chain
      assert.deepEqual([next?.options['argsrepr'], last?.options['argsrepr']], ["('***', '***')", "('***', '***')"])
      const other = harness.anotherApp()
      other.task('canvas.add', (x: number, y: number) => x + y)
      // It does not know the task that it sends.
      await using _worker = await workerOf(other)
      const dead = await until('the next step is dead', async () => (await waiting(harness, 'celery.dead'))[0])
      assert.equal(dead[0].headers['argsrepr'], "('***', '***')")
      assert.doesNotMatch(JSON.stringify(harness.lines), /secret/)
    })

    it('pass on what a task does not store', async () => {
      await using harness = await openHarness(store, { task_ignore_result: true })
      const { add, ran } = defineTasks(harness)
      await harness.startWorker()
      await chain(add.s(1, 2), add.s(3), add.s(4)).delay()
      await until('the last ran', () => ran.includes('add(6, 4)'))
    })

    it('are refused without steps, and with what is no signature', () => {
      const steps: never[] = []
      assert.throws(() => chain(...steps), InvalidArguments)
      assert.throws(() => chain({ task: 'add' } as never), /takes signatures, such as add.s\(1, 2\); got an object/)
    })

    it('run in eager mode, with what follows', async () => {
      await using harness = await openHarness(store, { task_always_eager: true })
      const { add, fail, note, ran } = defineTasks(harness)
      const result = await chain(add.s(1, 2), add.s(3)).link(note.s()).delay()
      assert.equal(await result.get(), 6)
      assert.equal(await result.parent?.get(), 3)
      await assert.rejects((await chain(add.s(1, 2), fail.s(), add.s(3)).delay()).get(), /cannot take 3/)
      assert.deepEqual(ran, ['add(1, 2)', 'add(3, 3)', 'note(6)', 'add(1, 2)'])
    })
  })
}

function signatureJson(task: string, args: readonly unknown[], options: object = {}): object {
  return { task, args, kwargs: {}, options, subtask_type: null, immutable: false }
}
