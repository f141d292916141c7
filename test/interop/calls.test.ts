import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { TaskRevoked, type TaskRequest } from '../../src/index.ts'
import { until } from '../support/worker-harness.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'
import type { PythonProducer } from './python-processes.ts'

const { skip, open } = await findInterop()

describe('calls between Python and TypeScript', { skip }, () => {
  let lab: InteropLab
  let python: PythonProducer

  before(async () => {
    lab = await open()
    python = await lab.startBoth()
  })
  after(() => lab[Symbol.asyncDispose]())

  async function atPython<T>(task: string, args: readonly unknown[], options: object = {}): Promise<T> {
    const result = await lab.app.send<T>(task, args, { queue: 'py', ...options })
    return result.get({ timeout: '15s' })
  }

  async function isStored(id: string): Promise<boolean> {
    return (await lab.run('EXISTS', `celery-task-meta-${id}`)) === 1
  }

  it('the request of our call has in Python what we gave it', async () => {
    const options = {
      taskId: 'an id of my own',
      headers: { 'x-trace': 'abc' },
      shadow: 'a nicer name',
      argsRepr: '(***)',
      timeLimit: '30s',
      softTimeLimit: '20s',
      priority: 9,
    }
    const request = await atPython<Record<string, unknown>>('py.context', [1], options)
    assert.equal(request['id'], options.taskId)
    assert.equal(request['root_id'], options.taskId)
    assert.equal(request['parent_id'], null)
    assert.equal(request['correlation_id'], options.taskId)
    assert.equal(request['custom'], 'abc')
    assert.equal(request['shadow'], 'a nicer name')
    assert.equal(request['argsrepr'], '(***)')
    assert.equal(request['kwargsrepr'], '{}')
    assert.deepEqual(request['timelimit'], [30, 20])
    assert.match(String(request['origin']), /^gen\d+@/)
    assert.equal(request['ignore_result'], false)
    assert.deepEqual(request['delivery_info'], { exchange: '', routing_key: 'py', priority: 0, redelivered: false })
  })

  it('the request of a call of Python has here what Python gave it', async () => {
    const expires = new Date(Date.now() + 60_000)
    const options = {
      task_id: 'an id of its own',
      headers: { 'x-trace': 'abc' },
      time_limit: 30,
      soft_time_limit: 20,
      priority: 3,
      expires,
      kwargs: { b: 2 },
    }
    const request = (await python.result('ts.context', [1], options)) as TaskRequest
    assert.equal(request.id, options.task_id)
    assert.equal(request.rootId, options.task_id)
    assert.deepEqual(request.args, [1])
    assert.deepEqual(request.kwargs, { b: 2 })
    assert.deepEqual(request.headers, { 'x-trace': 'abc' })
    assert.deepEqual(request.timeLimit, { hard: 30, soft: 20 })
    assert.deepEqual(request.expires, expires)
    assert.match(request.origin ?? '', /^gen\d+@/)
    assert.equal(request.correlationId, options.task_id)
    // On Redis, 0 is the highest of Python; here 9 is, on every broker.
    assert.equal(request.deliveryInfo?.priority, 6)
  })

  it('a call made by a task is its child in the other language too', async () => {
    const id = await python.send('ts.calls', ['py.calls', 'ts.context'])
    const second = (await python.get(id)).value as string
    const third = (await python.get(second)).value as string
    const request = (await python.get(third)).value as TaskRequest
    assert.equal(request.rootId, id)
    assert.equal(request.parentId, second)
    assert.deepEqual((await python.meta(id))['children'], [second])
    assert.deepEqual((await lab.app.result(second).meta())?.children, [third])
  })

  it('a result is there for both, and after it was there once', async () => {
    const result = await lab.app.send('py.same', [{ a: [1] }], { queue: 'py' })
    assert.deepEqual(await result.get({ timeout: '15s' }), { a: [1] })
    assert.deepEqual(await result.get({ timeout: '15s' }), { a: [1] })
    assert.deepEqual((await python.get(result.id)).value, { a: [1] })
    assert.equal((await result.meta())?.status, 'SUCCESS')
    await result.forget()
    assert.equal(await isStored(result.id), false)
  })

  it('results that nobody wants are not kept', async () => {
    const key = lab.key()
    const ours = await lab.app.send('py.noted', [key], { queue: 'py', ignoreResult: true })
    const theirs = await python.send('ts.noted', [key], { ignore_result: true })
    assert.deepEqual((await lab.waitForNotes(key, 2)).toSorted(), ['py', 'ts'])
    await atPython('py.same', [1])
    await python.result('ts.same', [1])
    assert.equal(await isStored(ours.id), false)
    assert.equal(await isStored(theirs), false)
  })

  it('an ETA is kept in both directions', async () => {
    const key = lab.key()
    const eta = new Date(Date.now() + 700)
    const ours = await lab.app.send('py.noted', [key], { queue: 'py', eta })
    const theirs = await python.send('ts.noted', [key], { eta })
    assert.deepEqual(await lab.notes(key), [])
    await Promise.all([ours.get({ timeout: '15s' }), python.get(theirs)])
    assert.ok(Date.now() >= eta.getTime())
    assert.deepEqual((await lab.notes(key)).toSorted(), ['py', 'ts'])
    assert.ok(Date.now() - eta.getTime() < 3000, `${Date.now() - eta.getTime()} ms late`)
  })

  it('what has expired is not run, and both say REVOKED', async () => {
    const key = lab.key()
    const ours = await lab.app.send('py.noted', [key], { queue: 'py', expires: new Date(Date.now() - 1000) })
    await assert.rejects(ours.get({ timeout: '15s' }), TaskRevoked)
    const theirs = await python.get(await python.send('ts.noted', [key], { expires: new Date(Date.now() - 1000) }))
    assert.deepEqual([theirs.state, theirs.type], ['REVOKED', 'TaskRevokedError'])
    assert.deepEqual(await lab.notes(key), [])
  })

  it('retries of either keep the id, the root and the count', async () => {
    const ours = await lab.app.send('py.retried', [2], { queue: 'py' })
    assert.deepEqual(await ours.get({ timeout: '15s' }), [2, ours.id, ours.id])
    const theirs = await python.send('ts.retried', [2])
    assert.deepEqual((await python.get(theirs)).value, [2, theirs, theirs])
  })

  it('what Python rejects with requeue comes back to it', async () => {
    const key = lab.key()
    assert.equal(await atPython('py.reject', [key]), 'done')
    assert.deepEqual(await lab.notes(key), ['rejected', 'again'])
  })

  it('priorities: our 9 is what Python on Redis calls 0, and each takes the other in that order', async () => {
    const ours: string[] = []
    for (const priority of [0, 5, 9, 3]) {
      ours.push((await lab.app.send('py.same', [1], { queue: 'drained', priority })).id)
    }
    const [lowest, middle, highest, low] = ours
    assert.deepEqual(await python.drain('drained', 4), [highest, middle, low, lowest])

    const key = lab.key()
    for (const priority of [9, 4, 0, 6])
      await python.send('ts.noted', [key, `p${priority}`], { queue: 'prio', priority })
    const worker = await lab.startWorker({ queues: ['prio'], concurrency: 1, name: 'prio@%h' })
    assert.deepEqual(await lab.waitForNotes(key, 4), ['p0', 'p4', 'p6', 'p9'])
    await worker.stop()
  })

  it("our revoke reaches Python's workers", async () => {
    const key = lab.key()
    const result = await lab.app.send('py.noted', [key], { queue: 'py', countdown: '800ms' })
    const other = await lab.app.send('py.noted', [key, 'other'], { queue: 'py', countdown: '900ms' })
    await result.revoke()
    await assert.rejects(result.get({ timeout: '15s' }), TaskRevoked)
    await other.get({ timeout: '15s' })
    assert.deepEqual(await lab.notes(key), ['other'])
  })

  it("Python's revoke reaches our workers, for one id or several", async () => {
    const key = lab.key()
    const ids = await Promise.all(
      ['a', 'b', 'c', 'other'].map((text) => python.send('ts.noted', [key, text], { countdown: 0.8 })),
    )
    const [a = '', b = '', c = '', other = ''] = ids
    await python.revoke(a)
    await python.revoke([b, c])
    await python.revoke(other, { destination: ['somebody@else'] })
    assert.equal((await python.get(other)).state, 'SUCCESS')
    for (const id of [a, b, c]) assert.equal((await python.get(id)).type, 'TaskRevokedError')
    assert.deepEqual(await lab.notes(key), ['other'])
  })

  it("Python's revoke of a running task is seen by its signal, and terminate ends it", async () => {
    const started = lab.key()
    const aborted: string[] = []
    lab.app.task('ts.waits', async function (this: { readonly signal: AbortSignal }, name: string) {
      await lab.note(started, name)
      await new Promise<void>((resolve) => this.signal.addEventListener('abort', () => resolve()))
      aborted.push(name)
      this.signal.throwIfAborted()
    })
    const id = await python.send('ts.waits', ['x'])
    await lab.waitForNotes(started, 1)
    await python.revoke(id, { terminate: true })
    await until('the signal aborted', () => aborted.length > 0)
    assert.equal((await python.get(id)).type, 'TaskRevokedError')
  })

  it('a time limit of Python ends our task, and is raised there as the error of Celery', async () => {
    const sleeps = (signal: AbortSignal): Promise<void> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    lab.app.task('ts.obeys', function (this: { readonly signal: AbortSignal }) {
      return sleeps(this.signal)
    })
    lab.app.task('ts.hangs', () => new Promise<void>(() => {}))
    const soft = await python.get(await python.send('ts.obeys', [], { soft_time_limit: 0.2, time_limit: 30 }))
    assert.equal(soft.type, 'SoftTimeLimitExceeded')
    const hard = await python.get(await python.send('ts.hangs', [], { time_limit: 0.3 }))
    assert.deepEqual([hard.type, hard.module, hard.args], ['TimeLimitExceeded', 'billiard.exceptions', ['0.3']])
  })

  it('Python sees its worker by remote control, which ours neither disturbs nor is disturbed by', async () => {
    const answers = await until('it answers', async () => {
      const names = await python.ping()
      return names.some((name) => name.startsWith('py@')) && names
    })
    assert.equal(answers.filter((name) => name.startsWith('py@')).length, 1)
    assert.equal(await python.result('ts.same', [1]), 1)
  })
})
