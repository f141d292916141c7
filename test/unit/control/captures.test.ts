import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { builtinCommands, findBuiltin } from '../../../src/control/builtin-commands.ts'
import { Celeriac, Worker } from '../../../src/index.ts'
import {
  decodeControlReply,
  decodeControlRequest,
  encodeControlRequest,
} from '../../../src/protocol/control-message.ts'
import type { Message } from '../../../src/protocol/message.ts'
import {
  decodeQueriedTask,
  decodeScheduledTask,
  decodeTaskInfo,
  encodeScheduledTask,
  encodeTaskInfo,
} from '../../../src/protocol/task-info.ts'
import { decodeQueueInfo, encodeQueueInfo } from '../../../src/protocol/queue-info.ts'
import { decodeStats } from '../../../src/protocol/worker-stats.ts'
import { createLogger } from '../../../src/util/logger.ts'

interface Captured {
  readonly cmd: string
  readonly envelope_without_body: { readonly headers: Record<string, unknown>; readonly 'content-type': string }
  readonly body: Record<string, unknown>
}

function capture(name: string): unknown {
  const file = path.resolve(import.meta.dirname, '../../fixtures/captures', name)
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** What each command of a client of Celery 5.6 gave: of `inspect` by node, of `control` a list. */
type Replies = Readonly<Record<string, Record<string, unknown> | readonly Record<string, unknown>[]>>

const replies = capture('control_replies_api.json') as Replies
const laterReplies = capture('control_replies_api2.json') as Replies

function replyOf(name: string, from = replies): unknown {
  const given = from[name]
  return Object.values((Array.isArray(given) ? given[0] : given) as object)[0]
}

const wire = (capture('control_wire_messages.json') as Captured[]).filter(
  ({ body }) => body['__truncated__'] === undefined,
)
const messages = wire.map(({ cmd, envelope_without_body: envelope, body }) => {
  const { headers, 'content-type': contentType } = envelope
  const message: Message = {
    headers,
    properties: {},
    contentType,
    contentEncoding: 'utf-8',
    body: JSON.stringify(body),
  }
  return { cmd, body, message }
})

describe('remote control as Celery 5.6 has it on the wire', () => {
  it('requests are read, and written as they came', () => {
    const requests = messages.filter(({ body }) => 'method' in body)
    assert.ok(requests.length > 35)
    for (const { message, body } of requests) {
      const request = decodeControlRequest(message)
      assert.ok(request)
      const { clock, expires } = message.headers as { readonly clock: number; readonly expires: number }
      const written = encodeControlRequest(request, { clock, expires })
      assert.deepEqual(JSON.parse(written.body as string), body)
      assert.deepEqual(written.headers, message.headers)
    }
  })

  it('replies find their question', () => {
    const tickets = new Set(messages.map(({ message }) => decodeControlRequest(message)?.ticket))
    const found = messages.filter(({ cmd }) => cmd === 'LPUSH').map(({ message }) => decodeControlReply(message))
    assert.ok(found.length > 35)
    for (const reply of found) {
      assert.ok(tickets.has(reply?.ticket))
      assert.deepEqual(
        reply?.replies.map(({ node }) => node),
        ['w1@vm'],
      )
    }
  })

  it('tasks, queues and figures are read, and written as they came', () => {
    for (const name of ['active', 'active_safe', 'reserved']) {
      for (const task of replyOf(name) as unknown[]) assert.deepEqual(encodeTaskInfo(decodeTaskInfo(task)), task)
    }
    for (const task of replyOf('scheduled') as unknown[])
      assert.deepEqual(encodeScheduledTask(decodeScheduledTask(task)), task)
    const queried = Object.entries(replyOf('query_task', laterReplies) as object).map(([id, value]) => {
      const { state, task } = decodeQueriedTask(value)
      assert.equal(task.id, id)
      return state
    })
    assert.deepEqual(queried, ['active', 'reserved'])
    const [queue] = replyOf('active_queues') as unknown[]
    const { name, exchange } = decodeQueueInfo(queue)
    assert.deepEqual(encodeQueueInfo(name, exchange), queue)
    const stats = decodeStats(replyOf('stats'))
    assert.deepEqual(
      [stats.total['wapp.add'], stats.clock, stats.pool.maxConcurrency, stats.broker.virtualHost, stats.prefetchCount],
      [17, 216, 2, '0', 9],
    )
  })

  it('what is no task, queue or figure is read as an empty one', () => {
    for (const odd of [null, 7, 'x', [], { delivery_info: 3, exchange: [], total: 'x', autoscaler: 'N/A' }]) {
      assert.equal(decodeTaskInfo(odd).id, '')
      assert.equal(decodeQueueInfo(odd).name, '')
      assert.equal(decodeStats(odd).clock, 0)
    }
  })

  it('every command is known, by its older name too', () => {
    assert.equal(Object.keys(builtinCommands).length, 32)
    for (const [old, name] of [
      ['dump_active', 'active'],
      ['dump_tasks', 'registered'],
      ['dump_conf', 'conf'],
    ])
      assert.equal(findBuiltin(old ?? ''), name)
    assert.equal(findBuiltin('toString'), undefined)
  })
})

describe('the replies of a worker', () => {
  it('have the words and members of those of Celery 5.6', async () => {
    const broker = `memory:control-captures-${process.pid}`
    await using app = new Celeriac('test', { broker, logger: createLogger({ level: 'silent' }) })
    for (const name of ['wapp.add', 'wapp.mul']) app.task(name, () => 1)
    const worker = new Worker(app, { name: 'w1@vm' })
    const stopped = worker.run()
    await worker.ready
    const ask = async (method: string, args: object): Promise<unknown> => {
      const [reply] = await app.control.mailbox.ask(method, args as Record<string, unknown>, { limit: 1 })
      return reply?.value
    }
    const same: readonly [string, string, object][] = [
      ['ping', 'ping', {}],
      ['bad_args', 'ping', { zz: 1 }],
      ['rate_limit', 'rate_limit', { task_name: 'wapp.add', rate_limit: '10/m' }],
      ['rate_limit_unknown', 'rate_limit', { task_name: 'nope', rate_limit: '10/m' }],
      ['rate_limit_bad', 'rate_limit', { task_name: 'wapp.add', rate_limit: 'xx/q' }],
      ['rate_limit_off', 'rate_limit', { task_name: 'wapp.add', rate_limit: null }],
      ['time_limit', 'time_limit', { task_name: 'wapp.mul', hard: 10, soft: 5 }],
      ['time_limit_unknown', 'time_limit', { task_name: 'nope', hard: 10, soft: 5 }],
      ['disable_events', 'disable_events', {}],
      ['add_consumer', 'add_consumer', { queue: 'extraq', exchange: null, exchange_type: 'direct', routing_key: null }],
      ['cancel_consumer', 'cancel_consumer', { queue: 'extraq' }],
      ['pool_grow', 'pool_grow', { n: 1 }],
      ['pool_shrink', 'pool_shrink', { n: 1 }],
      ['autoscale', 'autoscale', { max: 3, min: 1 }],
      ['pool_restart', 'pool_restart', { modules: null, reload: false, reloader: null }],
      ['heartbeat', 'heartbeat', {}],
      ['revoke_list', 'revoke', { task_id: ['a', 'b'], terminate: false, signal: 'SIGTERM' }],
      ['revoke_terminate_unknown', 'revoke', { task_id: 'zz', terminate: true, signal: 'SIGTERM' }],
      ['terminate', 'terminate', { task_id: 'zz', signal: 'SIGTERM' }],
      [
        'revoke_by_stamped_headers',
        'revoke_by_stamped_headers',
        { headers: { header: 'value', k: ['a', 'b'] }, terminate: false },
      ],
      [
        'revoke_by_stamped_headers_term',
        'revoke_by_stamped_headers',
        { headers: { header: ['value'] }, terminate: true },
      ],
      ['unknown_command', 'nosuchcmd', {}],
      ['bad_args2', 'autoscale', { nope: 1 }],
      ['query_task', 'query_task', { ids: ['x'] }],
    ]
    for (const [name, method, args] of same) assert.deepEqual(await ask(method, args), replyOf(name), name)
    const stats = (await ask('stats', {})) as Record<string, object>
    const theirs = replyOf('stats') as Record<string, object>
    for (const member of ['broker', 'rusage']) {
      assert.deepEqual(Object.keys(stats[member] ?? {}), Object.keys(theirs[member] ?? {}))
    }
    assert.deepEqual(Object.keys(stats), Object.keys(theirs))
    assert.equal(typeof stats['clock'], 'string')
    const hello = (await ask('hello', { from_node: 'x@y', revoked: {} })) as {
      readonly revoked: Record<string, unknown>
    }
    const [time, id] = hello.revoked['a'] as [number, string]
    assert.ok(!Number.isInteger(time), 'Celery takes no whole number')
    assert.equal(id, 'a')
    worker.stop()
    await stopped
  })
})
