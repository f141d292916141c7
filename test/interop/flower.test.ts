import assert from 'node:assert/strict'
import os from 'node:os'
import { after, before, describe, it } from 'node:test'
import { until } from '../support/until.ts'
import { Flower } from './flower-process.ts'
import { findInterop, type InteropLab, type RunningWorker } from './interop-lab.ts'

const { skip, open } = await findInterop()
const node = `ts@${os.hostname()}`

interface FlowerWorker {
  readonly stats?: { readonly pool?: Readonly<Record<string, unknown>> }
  readonly active_queues?: readonly { readonly name: string }[]
}

describe('Flower on our workers', { skip }, () => {
  let lab: InteropLab
  let flower: Flower
  let worker: RunningWorker
  let taskId = ''

  before(async () => {
    lab = await open()
    ;[flower, worker] = await Promise.all([
      Flower.start(lab.python),
      lab.startWorker({ concurrency: 2, taskEvents: true, heartbeatInterval: '200ms' }),
    ])
    // Flower enables events by itself, too; until it listens, nothing is lost that a test looks for.
    await until('Flower knows our worker', async () => {
      const { body } = await flower.get('/api/workers?refresh=1')
      return body.includes(node)
    })
    const result = await lab.app.send<number>('ts.add', [1, 2], { queue: 'ts' })
    assert.equal(await result.get({ timeout: '25s' }), 3)
    taskId = result.id
    await until('Flower knows the task', async () => (await flower.get(`/api/task/info/${taskId}`)).status === 200)
  })
  after(async () => {
    await flower[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
  })

  async function workerInFlower(): Promise<FlowerWorker> {
    const { body } = await flower.get(`/api/workers?refresh=1&workername=${node}`)
    return (JSON.parse(body) as Record<string, FlowerWorker>)[node] ?? {}
  }

  it('shows every page', async () => {
    await lab.app.send('ts.add', [3, 4], { queue: 'ts', countdown: 600 })
    const pages: readonly [string, RegExp][] = [
      ['/', new RegExp(node)],
      ['/workers', new RegExp(node)],
      ['/workers?json=1', /"status": true/],
      [`/worker/${node}`, /Celeriac:async[^]*Scheduled tasks[^]*ts\.add/],
      ['/tasks', /Tasks/],
      [`/task/${taskId}`, /SUCCESS/],
      ['/broker', /Broker/],
      ['/metrics', new RegExp(`flower_worker_online\\{worker="${node}"\\} 1\\.0`)],
      ['/healthcheck', /OK/],
    ]
    for (const [path, expected] of pages) {
      const { status, body } = await flower.get(path)
      assert.equal(status, 200, `${path}: ${body.slice(0, 500)}`)
      assert.match(body, expected, path)
    }
  })

  it('lists workers, tasks and queues over its API', async () => {
    const { stats, active_queues: queues } = await workerInFlower()
    assert.equal(stats?.pool?.['max-concurrency'], 2)
    assert.deepEqual(
      queues?.map(({ name }) => name),
      ['ts'],
    )
    const task = JSON.parse((await flower.get(`/api/task/info/${taskId}`)).body) as Record<string, unknown>
    assert.deepEqual([task['name'], task['state'], task['result']], ['ts.add', 'SUCCESS', '3'])
    const tasks = JSON.parse((await flower.get('/api/tasks?taskname=ts.add')).body) as object
    assert.ok(Object.keys(tasks).includes(taskId))
    for (const path of ['/api/task/types', '/api/queues/length', `/api/task/result/${taskId}`])
      assert.equal((await flower.get(path)).status, 200, path)
  })

  it('changes our worker', async () => {
    const orders: readonly [string, RegExp][] = [
      [`/api/worker/pool/grow/${node}?n=2`, /Growing/],
      [`/api/worker/pool/shrink/${node}?n=1`, /Shrinking/],
      [`/api/worker/queue/add-consumer/${node}?queue=more`, /add consumer more/],
      [`/api/task/rate-limit/both.run?workername=${node}&ratelimit=200`, /new rate limit set successfully/],
      [`/api/task/timeout/both.run?workername=${node}&hard=30&soft=10`, /time limits set successfully/],
    ]
    for (const [path, expected] of orders) {
      const { status, body } = await flower.post(path)
      assert.equal(status, 200, `${path}: ${body}`)
      assert.match(body, expected, path)
    }
    const { stats, active_queues: queues } = await workerInFlower()
    assert.equal(stats?.pool?.['max-concurrency'], 3)
    assert.deepEqual(
      queues?.map(({ name }) => name),
      ['ts', 'more'],
    )
    const cancelled = await flower.post(`/api/worker/queue/cancel-consumer/${node}?queue=more`)
    assert.match(cancelled.body, /no longer consuming from more/)
    for (const path of [`/api/worker/pool/autoscale/${node}?min=1&max=5`, `/api/worker/pool/restart/${node}`]) {
      const { status, body } = await flower.post(path)
      assert.equal(status, 403, body)
      assert.match(body, /not enabled/, path)
    }
  })

  it('calls and revokes our tasks', async () => {
    const sent = await flower.post('/api/task/send-task/ts.add', { args: [4, 5], queue: 'ts' })
    const id = String((JSON.parse(sent.body) as Record<string, unknown>)['task-id'])
    assert.equal(await lab.app.result(id).get({ timeout: '25s' }), 9)
    const key = lab.key()
    const running = await lab.app.send('both.run', [key, 'a', 2], { queue: 'ts' })
    await lab.waitForNotes(key, 1)
    const revoked = await flower.post(`/api/task/revoke/${running.id}?terminate=true`)
    assert.equal(revoked.status, 200)
    await until('it is revoked', async () => (await running.state()) === 'REVOKED')
  })

  it('shuts our worker down', async () => {
    assert.match((await flower.post(`/api/worker/shutdown/${node}`)).body, /Shutting down/)
    await worker.stopped
    await until('it is offline', async () => /"status": false/.test((await flower.get('/workers?json=1')).body))
  })

  it('has had no error of its own', () => {
    assert.doesNotMatch(flower.log, /Traceback|HTTP 500|ERROR/)
  })
})
