import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { until } from '../support/worker-harness.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'
import type { PythonProducer, PythonWorker } from './python-processes.ts'

const { skip, open } = await findInterop()

/** Short times, so that what a killed process held comes back within seconds, also the lock of those who bring it back. */
const settings = {
  broker_transport_options: {
    visibility_timeout: 3,
    unacked_restore_interval: 1,
    unacked_restore_throttle: 1,
    unacked_mutex_expire: 2,
  },
  // kombu takes a message before it writes down that it has it. With more, some would be on their way to a worker that runs
  // a task, and be lost with it.
  worker_prefetch_multiplier: 1,
}
const typescriptSettings = {
  broker_transport_options: { ...settings.broker_transport_options, lease_seconds: 1 },
  task_broadcast_queues: ['news'],
}

interface Runs {
  readonly begun: ReadonlyMap<string, readonly string[]>
  readonly ended: ReadonlyMap<string, readonly string[]>
}

/** Who began and ended each task, from the notes `begin py 17`. */
function runsOf(notes: readonly string[]): Runs {
  const kinds = { begin: new Map<string, string[]>(), end: new Map<string, string[]>() }
  for (const note of notes) {
    const [kind = '', who = '', text = ''] = note.split(' ')
    const found = kinds[kind as 'begin' | 'end']
    found.set(text, [...(found.get(text) ?? []), who])
  }
  return { begun: kinds.begin, ended: kinds.end }
}

describe('Python and TypeScript on one queue', { skip }, () => {
  let lab: InteropLab
  let producer: PythonProducer
  let python: PythonWorker

  before(async () => {
    const options = { settings, typescriptSettings, pythonSettings: { broadcast: 'news' } }
    lab = await open(options)
    ;[producer, python] = await Promise.all([lab.startProducer(), lab.startPythonWorker({ queues: 'py,news' })])
  })
  after(() => lab[Symbol.asyncDispose]())

  /** Half of them are sent by either. */
  async function sendTo(queue: string, key: string, count: number, seconds: number): Promise<void> {
    for (let index = 0; index < count; index += 2) {
      await lab.app.send('both.run', [key, `${index}`, seconds], { queue })
      await producer.send('both.run', [key, `${index + 1}`, seconds], { queue })
    }
  }

  /** Has Python's worker serve a queue, too. It looks for the new one when it looks the next time. */
  async function joinPython(queue: string): Promise<void> {
    await producer.addConsumer(queue, python.nodeName)
    const joined = await lab.app.send('both.run', [lab.key(), 'joined'], { queue })
    assert.equal(await joined.get({ timeout: '15s' }), 'py')
  }

  async function waitForEnds(key: string, count: number): Promise<Runs> {
    const giveUpAt = Date.now() + 30_000
    for (;;) {
      const notes = await lab.notes(key)
      const runs = runsOf(notes)
      if (runs.ended.size >= count) return runs
      if (Date.now() > giveUpAt) throw new Error(`${runs.ended.size} of ${count} ended: ${await describeStore(notes)}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async function describeStore(notes: readonly string[]): Promise<string> {
    const held = await lab.run('ZRANGE', 'unacked_index', '0', '-1', 'WITHSCORES')
    const mutexMs = await lab.run('PTTL', 'unacked_mutex')
    return JSON.stringify({ now: Date.now() / 1000, held, mutexMs, notes, python: python.log.slice(-1000) })
  }

  it('share the work: each task runs once, wherever', async () => {
    const key = lab.key()
    await joinPython('shared')
    const worker = await lab.startWorker({ queues: ['shared'], concurrency: 2 })
    await until('ours takes from it too', async () => {
      const args = Array.from({ length: 8 }, () => [lab.key(), 'joined', 0.05])
      const calls = await Promise.all(args.map((each) => lab.app.send('both.run', each, { queue: 'shared' })))
      return (await Promise.all(calls.map((call) => call.get({ timeout: '25s' })))).includes('ts')
    })
    await sendTo('shared', key, 60, 0.02)
    const { begun, ended } = await waitForEnds(key, 60)
    assert.equal([...begun.values(), ...ended.values()].flat().length, 120)
    assert.deepEqual(new Set([...ended.values()].flat()), new Set(['py', 'ts']))
    await worker.stop()
  })

  for (const killed of ['TypeScript', 'Python'] as const) {
    it(`finish all tasks when a worker of ${killed} is killed, and repeat only what it had begun`, async () => {
      const key = lab.key()
      const queue = `killed-${killed}`
      await joinPython(queue)
      const survivor = await lab.startWorker({ queues: [queue], concurrency: 1 })
      const victim =
        killed === 'TypeScript'
          ? await lab.startTypeScriptWorker(queue, 'victim')
          : await lab.startPythonWorker({ queues: queue, name: 'victim', env: { INTEROP_NAME: 'victim' } })
      await sendTo(queue, key, 24, 0.2)
      await until('the victim runs one of the later tasks', async () => {
        const notes = await lab.notes(key)
        return notes.length > 12 && notes.at(-1)?.startsWith('begin victim')
      })
      await victim.kill()
      const { begun, ended } = await waitForEnds(key, 24)
      for (const [text, who] of begun) {
        if (who.length > 1) assert.ok(who.includes('victim'), `${text} was repeated by ${who.join()}`)
        assert.ok(ended.get(text)?.length)
      }
      await survivor.stop()
    })
  }

  it('Python brings back what TypeScript held when all its workers are gone, also what was deferred', async () => {
    const key = lab.key()
    const victim = await lab.startTypeScriptWorker('lonely', 'victim', 2)
    for (const text of ['a', 'b', 'c', 'd']) await producer.send('both.run', [key, text, 60], { queue: 'lonely' })
    const later = await lab.app.send('both.noted', [key], { queue: 'lonely', countdown: 4 })
    await lab.waitForNotes(key, 2)
    await victim.kill()
    await lab.run('DEL', key)
    // The tasks are long: another Python worker may be killed with them.
    const saviour = await lab.startPythonWorker({ queues: 'lonely', name: 'saviour', args: ['-c', '5'] })
    const begun = await lab.waitForNotes(key, 5)
    assert.deepEqual(begun.toSorted(), ['begin py a', 'begin py b', 'begin py c', 'begin py d', 'py'])
    assert.equal(await later.get({ timeout: '25s' }), null)
    await saviour.kill()
    await lab.run('DEL', 'unacked', 'unacked_index')
  })

  it('TypeScript brings back what a killed worker of Python held', async () => {
    const key = lab.key()
    const victim = await lab.startPythonWorker({ queues: 'theirs', name: 'victim', env: { INTEROP_NAME: 'victim' } })
    for (const text of ['a', 'b']) await lab.app.send('both.run', [key, text, 0.5], { queue: 'theirs' })
    await lab.waitForNotes(key, 1)
    await victim.kill()
    const worker = await lab.startWorker({ queues: ['theirs'] })
    const { begun, ended } = await waitForEnds(key, 2)
    assert.deepEqual(
      begun,
      new Map([
        ['a', ['victim', 'ts']],
        ['b', ['ts']],
      ]),
    )
    assert.deepEqual(ended.get('a'), ['ts'])
    await worker.stop()
  })

  it('a broadcast of either reaches every worker of both', async () => {
    const worker = await lab.startWorker({ queues: ['news'] })
    for (const send of [
      (key: string) => lab.app.send('both.noted', [key], { queue: 'news' }),
      (key: string) => producer.sendBroadcast('both.noted', [key], 'news'),
    ]) {
      const key = lab.key()
      await send(key)
      assert.deepEqual((await lab.waitForNotes(key, 2)).toSorted(), ['py', 'ts'])
    }
    await worker.stop()
  })

  it('get along when the worker of Python has all its defaults: processes, mingle, gossip, events', async () => {
    const worker = await lab.startWorker({ queues: ['ts'] })
    const whole = await lab.startPythonWorker({ queues: 'whole', name: 'whole', args: ['-c', '1', '-E'] })
    const result = await lab.app.send<string>('py.calls', ['ts.same', 7], { queue: 'whole' })
    const id = await result.get({ timeout: '15s' })
    assert.equal(await lab.app.result(id).get({ timeout: '15s' }), 7)
    const waiting = await lab.app.send('py.noted', [lab.key()], { queue: 'whole', countdown: 60 })
    await waiting.revoke()
    await until('it answers', async () => (await producer.ping()).includes(whole.nodeName))
    assert.doesNotMatch(whole.log, /Traceback|CRITICAL/)
    await worker.stop()
  })
})
