import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Delivery } from '../../../src/brokers/broker.ts'
import { Celeriac, currentTask } from '../../../src/index.ts'
import type { Message } from '../../../src/protocol/message.ts'
import type { TaskInfo } from '../../../src/protocol/task-info.ts'
import { readTask } from '../../../src/protocol/task-message.ts'
import { describeRequest } from '../../../src/worker/describe-request.ts'
import { Request } from '../../../src/worker/request.ts'
import { rawMessage } from '../../support/worker-harness.ts'

const app = new Celeriac('test', { broker: 'memory:describe-request' })
const plain = app.task('demo.plain', () => currentTask().request)
app.task('demo.secret', { secret: ['token'], parameters: ['user', 'token'] }, () => undefined)
after(() => app.close())

async function described(message: Message, safe = false): Promise<TaskInfo> {
  const codec = await app.connections.codec()
  const task = app.tasks.get(String(message.headers['task'])) ?? plain
  const delivery = { message, queue: 'mail', deliveryCount: 2 } as Delivery
  const limits = { hardMs: undefined, softMs: undefined }
  const request = new Request(
    delivery,
    readTask(message, () => codec.load(message)),
    task.compiledFor(app),
    limits,
  )
  return describeRequest(request, { app, codec, nodeName: 'w1@host', safe })
}

function message(args: string, headers: object = {}): Message {
  return rawMessage({ headers: { task: 'demo.plain', ...headers }, body: `[${args}, {"k": 1}, {}]` })
}

describe('a task as a worker tells it', () => {
  it('has its arguments as they came, and where it came from', async () => {
    const info = await described(message('[1, {"a": [null]}]', { shadow: 'shown' }))
    assert.deepEqual([info.name, info.type, info.hostname], ['shown', 'demo.plain', 'w1@host'])
    assert.deepEqual([info.args, info.kwargs], [[1, { a: [null] }], { k: 1 }])
    assert.deepEqual(info.deliveryInfo, { exchange: '', routingKey: 'mail', priority: 0, redelivered: true })
    assert.deepEqual([info.timeStart, info.workerPid, info.acknowledged], [undefined, undefined, false])
  })

  it('has rows as text, which needs no decoder where it is read', async () => {
    const row = '{"__type__": "model", "__value__": ["shop.Order", 42]}'
    assert.deepEqual((await described(message(`[${row}, [${row}]]`))).args, ['shop.Order(42)', ['shop.Order(42)']])
  })

  it('has texts for those who want them safe, and for large arguments', async () => {
    assert.deepEqual((await described(message('[1]'), true)).args, '(1,)')
    const reprs = { argsrepr: "('as the sender says',)", kwargsrepr: '{}' }
    assert.equal((await described(message('[1]', reprs), true)).args, reprs.argsrepr)
    const large = await described(message(`["${'x'.repeat(20_000)}"]`))
    assert.ok(typeof large.args === 'string' && large.args.length < 2000)
  })

  it('has no secrets, whatever the sender shows', async () => {
    const headers = { task: 'demo.secret', argsrepr: "('ann', 'hunter2')", kwargsrepr: "{'token': 'hunter2'}" }
    for (const safe of [false, true]) {
      for (const args of ['["ann", "hunter2"]', `["ann", "hunter2", "${'x'.repeat(20_000)}"]`]) {
        assert.doesNotMatch(JSON.stringify(await described(message(args, headers), safe)), /hunter2/)
      }
    }
  })

  it('says so where its arguments cannot be read', async () => {
    const { args, kwargs } = await described(message('7'))
    assert.deepEqual([args, kwargs], ['<unreadable>', '<unreadable>'])
  })
})
