import assert from 'node:assert/strict'
import { once } from 'node:events'
import os from 'node:os'
import { after, before, describe, it } from 'node:test'
import { ClusterState, isAlive, type ClusterEvent } from '../../src/index.ts'
import { until } from '../support/until.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'
import { startPython, type PythonProducer, type PythonWorker } from './python-processes.ts'

const { skip, open } = await findInterop()
const ours = `ts@${os.hostname()}`

/** Celery's own view of a cluster: a line of JSON for each event, with what its State knows then. */
const watcher = `
import json, sys
from interop_app import app
state = app.events.State()
def tell(event):
    state.event(event)
    task = state.tasks.get(event.get('uuid'))
    print(json.dumps({
        'type': event['type'], 'hostname': event['hostname'],
        'alive': sorted(worker.hostname for worker in state.alive_workers()),
        'task': task and {'state': task.state, 'name': task.name, 'args': task.args, 'result': task.result,
                          'exception': task.exception, 'worker': task.worker and task.worker.hostname},
    }), flush=True)
with app.connection_for_read() as connection:
    app.events.Receiver(connection, handlers={'*': tell}).capture(limit=None, timeout=None, wakeup=True)
`

interface Seen {
  readonly type: string
  readonly hostname: string
  readonly alive: readonly string[]
  readonly task: Readonly<Record<string, unknown>> | null
}

/** A Python process that looks on. */
class Watcher implements AsyncDisposable {
  readonly #child
  out = ''

  constructor(lab: InteropLab, args: readonly string[]) {
    this.#child = startPython(lab.python, args)
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (text: Buffer) => (this.out += String(text)))
  }

  get seen(): Seen[] {
    const lines = this.out.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'))
    return lines.map((line) => JSON.parse(line) as Seen)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

describe('events between Python and TypeScript', { skip }, () => {
  let lab: InteropLab
  let python: PythonWorker
  let producer: PythonProducer

  before(async () => {
    lab = await open({ settings: { task_send_sent_event: true } })
    // With gossip: it listens to the events of our worker.
    const args = ['-P', 'solo', '-E', '--without-mingle']
    ;[python, producer] = await Promise.all([lab.startPythonWorker({ args }), lab.startProducer()])
  })
  after(() => lab[Symbol.asyncDispose]())

  it('celery events --dump and its State see our worker and its tasks', async () => {
    await using dump = new Watcher(lab, ['-m', 'celery', '-b', lab.python.notes, 'events', '--dump'])
    await using state = new Watcher(lab, ['-c', watcher])
    await using worker = await lab.startWorker({ taskEvents: true, heartbeatInterval: '500ms' })
    const isSeen = (type: string): boolean =>
      state.seen.some(({ hostname, type: of }) => hostname === ours && of === type)
    await until('both see its heartbeats', () => dump.out.includes(`${ours} [`) && isSeen('worker-heartbeat'))
    const added = await lab.app.send('ts.add', [2, 3], { queue: 'ts' })
    const failed = await lab.app.send('ts.fail', ['custom'], { queue: 'ts' })
    const stateOf = (name: string): unknown =>
      state.seen.findLast(({ task }) => task?.['name'] === name)?.task?.['state']
    await until('it has seen how both ended', () => stateOf('ts.add') === 'SUCCESS' && stateOf('ts.fail') === 'FAILURE')
    const last = state.seen.findLast(({ task }) => task?.['name'] === 'ts.add')
    assert.deepEqual(last?.task, {
      state: 'SUCCESS',
      name: 'ts.add',
      args: '(2, 3)',
      result: '5',
      exception: null,
      worker: ours,
    })
    await until('it is alive', () => state.seen.at(-1)?.alive.includes(ours))
    const success = `task succeeded: ts.add(${added.id}) args=(2, 3) kwargs={}`
    const failure = new RegExp(`task failed: ts\\.fail\\(${failed.id}\\).*exception=CustomError\\('first'\\)`)
    await until('the dump has both too', () => dump.out.includes(success) && failure.test(dump.out))
    await worker.stop()
    await until('it says goodbye', () => isSeen('worker-offline') && dump.out.includes('shutdown'))
    assert.ok(!state.seen.at(-1)?.alive.includes(ours))
  })

  it('our receiver and state see a Python worker, its tasks, and the Python program that sends them', async () => {
    const state = new ClusterState()
    const events: ClusterEvent[] = []
    await using receiver = lab.app.events.receiver({
      handlers: { '*': (event) => (events.push(event), state.apply(event)) },
    })
    await receiver.listen()
    await receiver.wakeup()
    const id = await producer.send('py.add', [2, 3], { queue: 'py' })
    await until('it has succeeded', () => state.task(id)?.state === 'SUCCESS')
    await until('its sending was heard', () => state.task(id)?.client !== undefined)
    const { name, args, result, worker, queue, client } = state.task(id) ?? {}
    assert.deepEqual([name, args, result, worker, queue], ['py.add', '[2, 3]', '5', python.nodeName, 'py'])
    assert.match(client ?? '', /^gen\d+@/)
    // It may run the task before it answers with a heartbeat.
    await until('it is alive and says what it is', () => {
      const known = state.worker(python.nodeName)
      return known && isAlive(known) && known.swIdent === 'py-celery'
    })
    assert.ok(events.every(({ type }) => type !== 'custom'))
  })

  it('Python switches the events of our worker on and off, and asks for heartbeats', async () => {
    const types: string[] = []
    await using receiver = lab.app.events.receiver({
      handlers: { '*': ({ hostname, type }) => void (hostname === ours && types.push(type)) },
    })
    await receiver.listen()
    await using worker = await lab.startWorker({ withoutHeartbeat: true })
    const run = async (): Promise<unknown> =>
      (await lab.app.send('ts.same', [1], { queue: 'ts' })).get({ timeout: '25s' })
    await run()
    await producer.broadcast('enable_events', {}, { destination: [ours] })
    await run()
    await until('its end is heard', () => types.includes('task-succeeded'))
    await producer.broadcast('disable_events', {}, { destination: [ours] })
    await run()
    await producer.broadcast('heartbeat', {}, { destination: [ours] })
    await until('the heartbeat is heard', () => types.includes('worker-heartbeat'))
    assert.deepEqual(types, ['task-received', 'task-started', 'task-succeeded', 'worker-heartbeat'])
    await worker.stop()
  })

  it('Python workers are not troubled by what our workers tell', () => {
    assert.doesNotMatch(python.log, /Traceback|ERROR|Substantial drift/)
  })
})
