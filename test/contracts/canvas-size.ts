import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  chain,
  chord,
  group,
  TaskError,
  TaskRevoked,
  type AnySignature,
  type AsyncResult,
  type GroupResult,
} from '../../src/index.ts'
import type { Message } from '../../src/protocol/message.ts'
import { openHarness, until, type Harness, type Store } from '../support/worker-harness.ts'
import { assertLinked, resultsOf } from './canvas-results.ts'

const soon = { timeout: '20s' } as const

interface Lab extends Harness {
  readonly ran: string[]
  /** Of all bodies that came, and of what was kept. */
  bytes(): number
}

async function openLab(store: Store, settings: object = {}): Promise<Lab> {
  const harness = await openHarness(store, { task_celeriac_queues: ['*'], ...settings })
  const [broker, backend] = [await harness.app.openBroker(), await harness.app.openBackend()]
  let bytes = 0
  const [subscribe, keep] = [broker.subscribe.bind(broker), backend.keepWorkflow.bind(backend)]
  broker.subscribe = (queues, onDeliveries, options) => {
    const counted: typeof onDeliveries = (deliveries) => {
      for (const { message } of deliveries) bytes += message.body.length
      onDeliveries(deliveries)
    }
    return subscribe(queues, counted, options)
  }
  backend.keepWorkflow = (workflowId, parts) => {
    for (const part of parts) bytes += part.length
    return keep(workflowId, parts)
  }
  const ran: string[] = []
  const { app } = harness
  app.task('size.add', (x: number, y: number) => x + y)
  app.task('size.sum', (numbers: readonly number[]) => {
    ran.push('sum')
    return numbers.reduce((total, number) => total + number, 0)
  })
  app.task('size.fail', { maxRetries: 0 }, () => {
    throw new RangeError('no further')
  })
  app.task('size.note', (value: unknown) => void ran.push(`note(${String(value)})`))
  return { ...harness, ran, bytes: () => bytes }
}

type Steps = (name: string, ...args: unknown[]) => AnySignature

function stepsOf({ app }: Lab): Steps {
  return (name, ...args) => app.signature(`size.${name}`, args)
}

/** Steps that add one, behind one that gives zero. */
function ones(step: Steps, count: number): AnySignature[] {
  return Array.from({ length: count }, (_, index) => (index === 0 ? step('add', 0, 0) : step('add', 1)))
}

async function start(...steps: readonly AnySignature[]): Promise<AsyncResult> {
  return (await chain(...(steps as AnySignature[])).delay()) as AsyncResult
}

/** What large workflows do, on any store. */
export function describeSize(store: Store): void {
  describe(`large workflows on ${store.name}`, () => {
    it('of one chain give the result of each step, with its parent and its children', async () => {
      await using lab = await openLab(store)
      await lab.startWorker()
      const results = resultsOf(await start(...ones(stepsOf(lab), 90)))
      assert.equal(await results.at(-1)?.get(soon), 89)
      const metas = await Promise.all(results.map((result) => result.meta()))
      assert.deepEqual(
        metas.map((meta) => meta?.result),
        Array.from({ length: 90 }, (_, index) => index),
      )
      await assertLinked(results)
    })

    it('take bytes in step with their size', async () => {
      await using lab = await openLab(store)
      await lab.startWorker()
      const bytesOf = async (count: number): Promise<number> => {
        const before = lab.bytes()
        assert.equal(await (await start(...ones(stepsOf(lab), count))).get(soon), count - 1)
        return lab.bytes() - before
      }
      const [short, long] = [await bytesOf(100), await bytesOf(1000)]
      assert.ok(long < short * 11, `100 steps took ${short} bytes, 1,000 took ${long}`)
    })

    it('carry what is wide once', async () => {
      await using lab = await openLab(store)
      const step = stepsOf(lab)
      await lab.startWorker()
      const wide = (): AnySignature => group(Array.from({ length: 300 }, () => step('add', 1) as never))
      const result = (await chain(...([...ones(step, 60), wide()] as AnySignature[])).delay()) as unknown as GroupResult
      assert.deepEqual(new Set(await result.get(soon)), new Set([60]))
      const parent = await (result.parent as AsyncResult).meta()
      assert.equal(parent?.children?.length, 300)
      // Twice, each with about 150 bytes, beside the messages of the members themselves.
      assert.ok(lab.bytes() < 60 * 4000 + 300 * 500, `${lab.bytes()} bytes`)
    })

    it('of chords in and behind each other give what small ones give', async () => {
      await using lab = await openLab(store)
      const step = stepsOf(lab)
      await lab.startWorker()
      const ten = (): AnySignature => group(Array.from({ length: 10 }, () => step('add', 1) as never))
      const chords = Array.from({ length: 6 }, () => [ten(), step('sum')]).flat()
      // Each time ten more than ten times as much.
      assert.equal(await (await start(step('add', 0, 0), ...chords)).get(soon), 1_111_110)
      const member = chain(...(ones(step, 40) as AnySignature[]))
      const many = chain(...([...ones(step, 30), group(step('add', 1), step('add', 2))] as AnySignature[]))
      const body = chain(...([step('sum'), ...ones(step, 30).slice(1)] as AnySignature[]))
      const whole = chord(group(member, many) as never, body as never)
      assert.equal(await ((await whole.delay()) as AsyncResult).get(soon), 39 + 30 + 31 + 29)
      const ended = (await many.delay()) as unknown as GroupResult
      assert.deepEqual(await ended.get(soon), [30, 31])
    })

    it('end with the step that fails: all behind it fail alike, and callbacks are called once', async () => {
      await using lab = await openLab(store)
      const step = stepsOf(lab)
      await lab.startWorker()
      const steps = ones(step, 90)
      steps[30] = step('fail')
      const whole = chain(...(steps as AnySignature[])).linkError(step('note') as never)
      const results = resultsOf((await whole.delay()) as AsyncResult)
      await assert.rejects(results.at(-1)?.get(soon) ?? Promise.resolve(), /RangeError: no further/)
      await until('all behind it failed', async () => {
        const states = await Promise.all(results.slice(31).map((result) => result.state()))
        return states.every((state) => state === 'FAILURE')
      })
      await until('the callback ran', () => lab.ran.length > 0)
      assert.deepEqual(lab.ran, [`note(${results[30]?.id})`])
      assert.equal(await results[29]?.state(), 'SUCCESS')
    })

    it('fail the chord that they are a part of, and those behind it, and tell so once', async () => {
      await using lab = await openLab(store)
      const step = stepsOf(lab)
      await lab.startWorker()
      const steps = ones(step, 60)
      steps[20] = step('fail')
      const failing = chain(...([...steps, group(step('add', 1), step('add', 2))] as AnySignature[]))
      const body = chain(...([step('sum'), ...ones(step, 40).slice(1)] as AnySignature[])).linkError(
        step('note') as never,
      )
      const whole = chord(group(failing, step('add', 1, 1), step('add', 1, 1)) as never, body as never)
      const results = resultsOf((await whole.delay()) as AsyncResult).slice(1)
      const error = await (results.at(-1) as AsyncResult).get(soon).catch((thrown: unknown) => thrown)
      assert.ok(error instanceof TaskError && error.type === 'ChordError', String(error))
      await until('all behind it failed', async () => {
        const states = await Promise.all(results.map((result) => result.state()))
        return states.every((state) => state === 'FAILURE')
      })
      await until('the callback ran', () => lab.ran.length > 0)
      assert.deepEqual(lab.ran, [`note(${results[0]?.id})`])
    })

    it('go on once where messages come twice', async () => {
      await using lab = await openLab(store)
      const step = stepsOf(lab)
      const steps = ones(step, 40)
      // Of its last 21 steps nothing runs twice, though the rest is asked for twice.
      steps[39] = step('note')
      const last = await start(...steps)
      const broker = await lab.app.openBroker()
      const [first] = (await broker.peek?.('celery', { offset: 0, limit: 1 })) ?? []
      const { worker, stopped } = await lab.startWorker()
      await last.get(soon)
      await broker.publish([{ message: first as Message, queue: 'celery' }])
      await until('all is over', async () => (await broker.count('celery')) === 0)
      worker.stop()
      await stopped
      assert.deepEqual(lab.ran, ['note(38)'])
    })

    it('fail clearly where the result backend has lost what it kept', async () => {
      await using lab = await openLab(store)
      const last = await start(...ones(stepsOf(lab), 60))
      const backend = await lab.app.openBackend()
      backend.workflowPart = () => Promise.resolve(undefined)
      await lab.startWorker()
      await assert.rejects(last.get(soon), /WorkflowLost.*not in the result backend/)
    })

    it('end as revoked where the part that is kept is', async () => {
      await using lab = await openLab(store)
      const results = resultsOf(await start(...ones(stepsOf(lab), 60)))
      await results[5]?.revoke()
      await lab.startWorker()
      await assert.rejects(results[58]?.get(soon) ?? Promise.resolve(), TaskRevoked)
      await until('all behind it ended', async () => (await results[30]?.state()) === 'REVOKED')
    })

    it("travel in Celery's form where a worker of Celery may get them", async () => {
      await using lab = await openLab(store, { task_celeriac_queues: ['ours'] })
      const step = stepsOf(lab)
      await start(...ones(step, 60))
      await chain(
        ...(ones((name, ...args) => step(name, ...args).set({ queue: 'ours' }), 60) as AnySignature[]),
      ).delay()
      const waiting = async (queue: string): Promise<string> => {
        const [message] = (await (await lab.app.openBroker()).peek?.(queue, { offset: 0, limit: 1 })) ?? []
        return String(message?.body)
      }
      assert.equal((await waiting('celery')).match(/size\.add/g)?.length, 59)
      assert.equal((await waiting('ours')).match(/size\.add/g)?.length, 20)
      assert.match(await waiting('ours'), /celeriac\.rest/)
    })
  })
}
