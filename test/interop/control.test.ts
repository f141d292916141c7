import assert from 'node:assert/strict'
import os from 'node:os'
import { after, before, describe, it } from 'node:test'
import type { Celeriac } from '../../src/index.ts'
import { runCommandLine as celeriac } from '../support/command-line.ts'
import { until } from '../support/until.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'
import { runCelery, type PythonProducer, type PythonWorker } from './python-processes.ts'

const { skip, open } = await findInterop()
const ours = `ts@${os.hostname()}`

/** What kinds of values there are where: of lists the first item stands for all. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0])]
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]))
}

/** Fails unless `own` has all members of `other`, of the same kinds; what one leaves null may be anything. */
function assertShape(own: unknown, other: unknown, path: string): void {
  if (own === 'null' || other === 'null') return
  if (typeof other !== 'object' || other === null) return assert.equal(own, other, path)
  assert.equal(typeof own, 'object', path)
  for (const [key, inner] of Object.entries(other)) {
    const member = (own as Record<string, unknown>)[key]
    assert.notEqual(member, undefined, `${path}.${key} is missing`)
    assertShape(member, inner, `${path}.${key}`)
  }
}

describe('remote control between Python and TypeScript', { skip }, () => {
  let lab: InteropLab
  let python: PythonProducer
  let worker: PythonWorker
  let app: Celeriac

  before(async () => {
    lab = await open()
    app = lab.app
    const started = [
      lab.startProducer(),
      lab.startPythonWorker({ args: ['-c', '1', '--without-gossip', '--without-mingle'] }),
      lab.startWorker({ concurrency: 2 }),
    ] as const
    ;[python, worker] = await Promise.all(started)
  })
  after(() => lab[Symbol.asyncDispose]())

  /** What both workers answer. */
  async function bothAnswer(answers: Promise<Record<string, unknown>>): Promise<[own: unknown, other: unknown]> {
    const byNode = await answers
    assert.deepEqual(Object.keys(byNode).toSorted(), [ours, worker.nodeName].toSorted())
    return [byNode[ours], byNode[worker.nodeName]]
  }

  it('questions of Celery are answered as a worker of Python does', async () => {
    const key = lab.key()
    // Once tasks are known to be short, some are taken ahead.
    const short = Array.from({ length: 20 }, () => app.send('ts.add', [1, 2], { queue: 'ts' }))
    for (const each of short) await (await each).get({ timeout: '25s' })
    for (const queue of ['ts', 'py']) {
      const texts = queue === 'ts' ? ['a', 'b', 'c'] : ['d', 'e']
      for (const text of texts) await app.send('both.run', [key, text, 2.5], { queue })
      await app.send('both.noted', [lab.key()], { queue, countdown: 600 })
    }
    await lab.waitForNotes(key, 3)
    const [active = []] = (await app.control.inspect({ destination: ours, timeout: 15 }).active()).values()
    const { id = '' } = active[0] ?? {}
    const [known] = Object.values(await python.inspect('query_task', [[id, 'unknown']], { destination: [ours] }))
    assert.deepEqual(shape(known), { [id]: ['string'] })
    const limit = { limit: 2 }
    const questions: readonly (readonly [string, (readonly unknown[])?])[] = [
      ['ping'],
      ['active'],
      ['active', [true]],
      ['reserved'],
      ['scheduled'],
      ['stats'],
      ['registered'],
      ['registered', ['rate_limit', 'serializer']],
      ['active_queues'],
      ['conf'],
      ['clock'],
      ['report'],
      ['revoked'],
      ['memdump'],
    ]
    for (const [method, args] of questions) {
      const [own, other] = await bothAnswer(python.inspect(method, args, limit))
      const expected = shape(other) as Record<string, unknown>
      // Only a pool of processes writes to its children.
      if (method === 'stats') delete (expected['pool'] as Record<string, unknown>)['writes']
      if (method === 'conf') assert.equal((own as Record<string, unknown>)['broker_url'], lab.python.notes)
      else assertShape(shape(own), expected, method)
      if (['active', 'reserved', 'scheduled'].includes(method)) assert.ok((own as unknown[]).length > 0, method)
    }
    await lab.waitForNotes(key, 10)
  })

  it('commands of Celery are replied to in its words', async () => {
    const task = 'both.run'
    const commands: readonly [string, object][] = [
      ['rate_limit', { task_name: task, rate_limit: '10/m' }],
      ['rate_limit', { task_name: 'nope', rate_limit: '10/m' }],
      ['rate_limit', { task_name: task, rate_limit: 'xx/q' }],
      ['rate_limit', { task_name: task, rate_limit: 'xx' }],
      ['rate_limit', { task_name: task, rate_limit: null }],
      ['rate_limit', { task_name: task }],
      ['time_limit', { task_name: task, hard: 60, soft: 50 }],
      ['time_limit', { task_name: 'nope', hard: 10, soft: 5 }],
      ['time_limit', { task_name: task, hard: null, soft: null }],
      ['enable_events', {}],
      ['enable_events', {}],
      ['disable_events', {}],
      ['disable_events', {}],
      ['add_consumer', { queue: 'extra', exchange: null, exchange_type: 'direct', routing_key: null }],
      ['cancel_consumer', { queue: 'extra' }],
      ['pool_grow', { n: 1 }],
      ['pool_shrink', { n: 1 }],
      ['autoscale', { max: 3, min: 1 }],
      ['autoscale', { nope: 1 }],
      ['pool_restart', { modules: null, reload: false, reloader: null }],
      ['heartbeat', {}],
      ['revoke', { task_id: 'some-id', terminate: false, signal: 'SIGTERM' }],
      ['revoke', { task_id: 'other-id', terminate: true, signal: 'SIGTERM' }],
      ['terminate', { task_id: ['some-id'], signal: 'SIGTERM' }],
      ['revoke_by_stamped_headers', { headers: { stamp: 'value', k: ['a', 'b'] }, terminate: false }],
      ['revoke_by_stamped_headers', { headers: ['stamp=other'], terminate: true }],
      ['hello', { from_node: worker.nodeName, revoked: { 'r-1': [943.5, 'r-1'] } }],
      ['nosuchcmd', {}],
      ['ping', { zz: 1 }],
    ]
    for (const [command, args] of commands) {
      const [own, other] = await bothAnswer(python.broadcast(command, args, { limit: 2 }))
      if (command === 'hello') assert.deepEqual([typeof own, other], ['object', null])
      else assert.deepEqual(own, other, `${command} ${JSON.stringify(args)}`)
    }
  })

  it('a revoke of Python drops what waits, stops what runs, and is stored at once', async () => {
    const key = lab.key()
    const running = await app.send('both.run', [key, 'running', 3], { queue: 'ts' })
    await app.send('both.run', [key, 'beside', 3], { queue: 'ts' })
    await lab.waitForNotes(key, 2)
    const waiting = await app.send('both.run', [key, 'waiting'], { queue: 'ts' })
    const destination = [ours]
    const reply = await python.broadcast('revoke', { task_id: [waiting.id, 'unknown'] }, { destination })
    assert.match(JSON.stringify(reply[ours]), /^\{"ok":"tasks \{'.+', 'unknown'\} flagged as revoked"\}$/)
    assert.deepEqual([await waiting.state(), await app.result('unknown').state()], ['REVOKED', 'REVOKED'])
    const told = await python.broadcast('terminate', { task_id: running.id, signal: 'SIGKILL' }, { destination })
    assert.deepEqual(told[ours], { ok: `terminate: ${running.id}` })
    await until('it is revoked', async () => (await running.state()) === 'REVOKED')
    const later = await app.send<number>('ts.add', [1, 2], { queue: 'ts' })
    assert.equal(await later.get({ timeout: '25s' }), 3)
    assert.ok(!(await lab.notes(key)).includes('begin ts waiting'))
  })

  it('what Python changes counts: time limits, queues, the size of the pool', async () => {
    const destination = [ours]
    await python.broadcast('time_limit', { task_name: 'both.run', soft: null, hard: 0.3 }, { destination })
    const late = await app.send('both.run', [lab.key(), 'late', 1], { queue: 'ts' })
    await assert.rejects(late.get({ timeout: '25s' }), /TimeLimitExceeded/)
    await python.broadcast('time_limit', { task_name: 'both.run', soft: null, hard: null }, { destination })
    await python.broadcast('add_consumer', { queue: 'more' }, { destination })
    const more = await app.send<number>('ts.add', [1, 2], { queue: 'more' })
    assert.equal(await more.get({ timeout: '25s' }), 3)
    await python.broadcast('pool_grow', { n: 3 }, { destination })
    const [stats] = (await app.control.inspect({ destination, timeout: 15 }).stats()).values()
    assert.equal(stats?.pool.maxConcurrency, 5)
    await python.broadcast('pool_shrink', { n: 3 }, { destination })
  })

  it("Celery's command line works on our worker", async () => {
    const lines: readonly [readonly string[], RegExp][] = [
      [['status'], /2 nodes online/],
      [['inspect', 'ping', '-d', ours], /pong/],
      [['inspect', 'active', '-d', ours], /- empty -/],
      [['inspect', 'reserved', '-d', ours], /- empty -/],
      [['inspect', 'scheduled', '-d', ours], /both\.noted/],
      [['inspect', 'stats', '-d', ours], /"max-concurrency": 2/],
      [['inspect', 'registered', '-d', ours], /\* both\.noted/],
      [['inspect', 'active_queues', '-d', ours], /'name': 'ts'/],
      [['inspect', 'conf', '-d', ours], /"broker_url"/],
      [['inspect', 'report', '-d', ours], /software -> celeriac:/],
      [['inspect', 'query_task', 'a', 'b', '-d', ours], /\{\}/],
      [['control', 'rate_limit', 'ts.add', '10/m', '-d', ours], /new rate limit set successfully/],
      [['control', 'rate_limit', 'ts.add', '0', '-d', ours], /new rate limit set successfully/],
      [['control', 'time_limit', 'ts.add', '5', '10', '-d', ours], /time limits set successfully/],
      [['control', 'pool_grow', '1', '-d', ours], /pool will grow/],
      [['control', 'pool_shrink', '1', '-d', ours], /pool will shrink/],
      [['control', 'add_consumer', 'extra', '-d', ours], /add consumer extra/],
      [['control', 'cancel_consumer', 'extra', '-d', ours], /no longer consuming from extra/],
      [['control', 'enable_events', '-d', ours], /task events enabled/],
      [['control', 'revoke', 'a', 'b', '-d', ours], /flagged as revoked/],
      [['control', 'terminate', 'SIGKILL', 'a', '-d', ours], /terminate: tasks unknown/],
    ]
    for (const [args, expected] of lines) {
      const [code, output] = await python.celery(...args, '-t', '3')
      assert.equal(code, 0, `${args.join(' ')}: ${output}`)
      assert.match(output, expected, args.join(' '))
    }
  })

  it("celeriac's command line works on a worker of Python, by the URL of the broker alone", async () => {
    const other = worker.nodeName
    const lines: readonly [readonly string[], RegExp][] = [
      [['status'], /2 nodes online/],
      [['inspect', 'ping'], /pong/],
      [['inspect', 'active'], /- empty -/],
      [['inspect', 'stats'], /"implementation": "celery\.concurrency\.prefork:TaskPool"/],
      [['inspect', 'registered', 'serializer'], /\* py\.add \[serializer=json\]/],
      [['inspect', 'active_queues'], /'name': 'py'/],
      [['inspect', 'scheduled'], /both\.noted/],
      [['inspect', 'conf', '--json'], /"broker_url"/],
      [['inspect', 'report'], /software -> celery:5\.6/],
      [['control', 'rate_limit', 'py.add', '10/m'], /new rate limit set successfully/],
      [['control', 'time_limit', 'py.add', '5', '10'], /time limits set successfully/],
      [['control', 'pool_grow'], /pool will grow/],
      [['control', 'revoke', 'a', 'b'], /flagged as revoked/],
      [['control', 'autoscale', '3', '1'], /ERROR[^]*Autoscale not enabled/],
    ]
    for (const [args, expected] of lines) {
      const to = args[0] === 'status' ? [] : ['-d', other]
      const { code, out, err } = await celeriac(['-b', lab.python.notes, ...args, ...to])
      assert.equal(code, 0, err)
      assert.match(out, expected, args.join(' '))
    }
    const { code, err } = await celeriac([
      '-b',
      lab.python.notes,
      'inspect',
      'ping',
      '-d',
      'nobody@nowhere',
      '-t',
      '0.2',
    ])
    assert.deepEqual([code, err], [69, 'Error: No nodes replied within time constraint\n'])
  })

  it('typed questions are answered by both', async () => {
    const inspect = app.control.inspect({ limit: 2, timeout: 15 })
    const [stats, queues, tasks] = [await inspect.stats(), await inspect.activeQueues(), await inspect.registered()]
    for (const [node, task] of [
      [ours, 'ts.add'],
      [worker.nodeName, 'py.add'],
    ] as const) {
      assert.equal(stats.get(node)?.broker.transport, 'redis')
      assert.equal(queues.get(node)?.[0]?.exchange.type, 'direct')
      assert.ok(tasks.get(node)?.some((name) => name.startsWith(task)))
    }
    assert.deepEqual(
      [...(await app.control.ping({ pattern: 'p?@*', timeout: 15, limit: 1 })).keys()],
      [worker.nodeName],
    )
    const refused = await app.control.rateLimit('nope', '1/s', { reply: true, limit: 2, timeout: 15 })
    assert.deepEqual([refused.size, [...refused.errors.values()]], [0, ['unknown task', 'unknown task']])
  })

  it("Celery's own processes find our worker and shut it down", async () => {
    const leaving = await lab.startWorker({ queues: ['other'], name: 'leaving@%h' })
    const name = `leaving@${os.hostname()}`
    const [status, ping] = await Promise.all([
      runCelery(lab.python, ['status', '-t', '5', '-d', name]),
      runCelery(lab.python, ['inspect', 'ping', '-t', '5', '-d', name, '--json']),
    ])
    assert.match(status.output, /1 node online/)
    assert.deepEqual(JSON.parse(ping.output), { [name]: { ok: 'pong' } })
    // Nobody replies to a shutdown: 69, as with a worker of Python.
    const { code } = await runCelery(lab.python, ['control', 'shutdown', '-d', name, '-t', '0.2'])
    assert.equal(code, 69)
    await leaving.stopped
  })
})
