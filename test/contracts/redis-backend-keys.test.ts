import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { BackendOptions, ResultBackend } from '../../src/backends/backend.ts'
import { openBackend } from '../../src/backends/open-backend.ts'
import type { RedisConnection } from '../../src/drivers/open-redis.ts'
import type { Redis } from '../../src/drivers/redis.ts'
import { DecodeError, ImproperlyConfigured } from '../../src/errors.ts'
import { service, skipIfMissing, type Service } from '../services.ts'
import { Ear, failure, fetchOne, progress, success } from './backend-contract-tools.ts'
import { openDriver } from './redis-driver-lab.ts'

const redis = await service('redis')

describe('what the Redis backend keeps', { skip: skipIfMissing(redis) }, () => {
  const { url } = redis as Service
  let driver: Redis
  let commands: RedisConnection
  before(async () => {
    driver = await openDriver(url)
    commands = driver.commands
  })
  after(() => driver[Symbol.asyncDispose]())

  /** Options that give each test keys of its own. */
  function withOwnKeys(more: Partial<BackendOptions> = {}, options: object = {}): [string, BackendOptions] {
    const prefix = `${randomUUID()}:`
    return [prefix, { expiresMs: 86_400_000, ...more, transportOptions: { global_keyprefix: prefix, ...options } }]
  }

  const open = (options: BackendOptions): Promise<ResultBackend> => openBackend(url, options)

  it("has Celery's key, text and time to live, and publishes the same text", async () => {
    const [prefix, options] = withOwnKeys({ extended: true })
    await using backend = await open(options)
    const key = `${prefix}celery-task-meta-a`
    const published: string[] = []
    await using _ = await driver.subscriber.subscribe([key], (text) => published.push(text))
    await backend.store({
      ...success('a', 5),
      dateDone: new Date('2026-11-20T08:35:50.663Z'),
      groupId: 'g',
      parentId: 'p',
      extended: { name: 'demo.add', args: [2], kwargs: { y: 3 }, worker: 'w@host', retries: 0, queue: 'celery' },
    })
    const text = String(await commands.send(['GET', key]))
    assert.deepEqual(Object.entries(JSON.parse(text) as object), [
      ['status', 'SUCCESS'],
      ['result', 5],
      ['traceback', null],
      ['children', []],
      ['date_done', '2026-11-20T08:35:50.663+00:00'],
      ['group_id', 'g'],
      ['parent_id', 'p'],
      ['name', 'demo.add'],
      ['args', [2]],
      ['kwargs', { y: 3 }],
      ['worker', 'w@host'],
      ['retries', 0],
      ['queue', 'celery'],
      ['task_id', 'a'],
    ])
    await driver.subscriber.caughtUp()
    assert.deepEqual(published, [text])
    const leftMs = Number(await commands.send(['PTTL', key]))
    assert.ok(leftMs > 86_390_000 && leftMs <= 86_400_000, String(leftMs))
  })

  it('has no time to live without result_expires', async () => {
    const [prefix, options] = withOwnKeys({ expiresMs: undefined })
    await using backend = await open(options)
    await backend.store(progress('a', 1))
    await backend.addGroupPart('g', { index: 0, taskId: 'a', status: 'SUCCESS', result: 1 })
    for (const key of ['celery-task-meta-a', 'celery-taskset-meta-g.j', 'celery-taskset-meta-g.p']) {
      assert.equal(await commands.send(['TTL', prefix + key]), -1)
      await commands.send(['DEL', prefix + key])
    }
  })

  it('puts an underscore behind a prefix that has no end of its own', async () => {
    const name = randomUUID()
    for (const [prefix, expected] of [
      [name, `${name}_`],
      [`${name}.`, `${name}.`],
      [`{${name}}`, `{${name}}_`],
    ] as const) {
      await using backend = await open({ expiresMs: 10_000, transportOptions: { globalKeyprefix: prefix } })
      await backend.store(success('a'))
      assert.equal(await commands.send(['EXISTS', `${expected}celery-task-meta-a`]), 1)
    }
  })

  it('never replaces a SUCCESS, however its text is written, and any other state', async () => {
    const [prefix, options] = withOwnKeys()
    await using backend = await open(options)
    const key = `${prefix}celery-task-meta-a`
    const final = [
      '{"status": "SUCCESS", "result": 1, "task_id": "a"}',
      '{"status":"SUCCESS","result":1,"task_id":"a"}',
      '{"task_id": "a", "result": {"status": "FAILURE"}, "status": "SUCCESS"}',
    ]
    const others = [
      '{"status": "SUCCESSFUL", "result": 1, "task_id": "a"}',
      '{"status": "FAILURE", "result": {"status": "SUCCESS"}, "task_id": "a"}',
      '{"result": {"status": "SUCCESS"}, "status": "RETRY", "task_id": "a"}',
      'no JSON',
      '',
    ]
    for (const text of [...final, ...others]) {
      await commands.send(['SET', key, text])
      await backend.store(failure('a'))
      const isKept = (await commands.send(['GET', key])) === text
      assert.equal(isKept, final.includes(text), text)
    }
    await commands.send(['DEL', key])
    await commands.send(['LPUSH', key, 'a list'])
    await backend.store(success('a', 'replaced'))
    assert.equal((await fetchOne(backend, 'a'))?.result, 'replaced')
  })

  it('reads the least that Celery needs, and names the task by the key', async () => {
    const [prefix, options] = withOwnKeys()
    await using backend = await open(options)
    const ear = new Ear()
    await backend.watch(['a'], ear.onMeta)
    const key = `${prefix}celery-task-meta-a`
    for (const text of ['{"status": "PROGRESS", "result": 7, "task_id": "a"}', '{"status": "SUCCESS", "result": 8}']) {
      await commands.send(['SET', key, text, 'EX', '10'])
      await commands.send(['PUBLISH', key, text])
    }
    await ear.hears('a:PROGRESS', 'a:SUCCESS')
    assert.deepEqual(await fetchOne(backend, 'a'), ear.heard[1])
    assert.equal(ear.heard[1]?.result, 8)
  })

  it('warns of a published text that it cannot read, and goes on', async () => {
    const [prefix, options] = withOwnKeys()
    await using backend = await open(options)
    const ear = new Ear()
    await backend.watch(['a'], ear.onMeta)
    const warnings: Error[] = []
    const onWarning = (warning: Error): unknown => warnings.push(warning)
    process.on('warning', onWarning)
    const key = `${prefix}celery-task-meta-a`
    await commands.send(['SET', key, '{"result": 1}', 'EX', '10'])
    await commands.send(['PUBLISH', key, '{"result": 1}'])
    await assert.rejects(backend.fetch(['a']), DecodeError)
    await backend.store(success('a'))
    await ear.hears('a:SUCCESS')
    process.off('warning', onWarning)
    assert.match(warnings.join(), /state of task a cannot be read/)
  })

  for (const isOrdered of [true, false]) {
    it(`keeps parts of groups as Celery does in a ${isOrdered ? 'sorted set' : 'list'}`, async () => {
      const [prefix, options] = withOwnKeys({}, { result_chord_ordered: isOrdered })
      await using backend = await open(options)
      const key = `${prefix}celery-taskset-meta-g`
      const add = (part: string): Promise<unknown> =>
        commands.send(isOrdered ? ['ZADD', `${key}.j`, '0', part] : ['RPUSH', `${key}.j`, part])
      await add('[1, "t0", "SUCCESS", 5]')
      await add('[1, "t1", "FAILURE", {"exc_type": "KeyError", "exc_message": ["x"], "exc_module": "builtins"}]')
      await commands.send(['SET', `${key}.s`, '3'])
      await backend.addGroupPart('g', { ...failure('t2'), index: 2 })
      const again = { index: 0, taskId: 't0', status: 'SUCCESS', result: 6 }
      assert.deepEqual(await backend.addGroupPart('g', again), { place: 3, isFirst: true, size: 3 })
      const read = isOrdered ? ['ZRANGE', `${key}.j`, '0', '-1'] : ['LRANGE', `${key}.j`, '0', '-1']
      const parts = ((await commands.send(read)) as string[]).map((text) => JSON.parse(text) as unknown[])
      assert.deepEqual(
        parts.find(([, id]) => id === 't0'),
        [1, 't0', 'SUCCESS', 6],
      )
      for (const end of ['j', 's']) assert.ok(Number(await commands.send(['TTL', `${key}.${end}`])) > 80_000)
      const taken = await backend.groupParts('g')
      await backend.closeGroup('g')
      assert.deepEqual(taken.map(({ taskId }) => taskId).toSorted(), ['t0', 't1', 't2'])
      const broken = taken.find(({ taskId }) => taskId === 't1')?.result
      assert.deepEqual(broken, { type: 'KeyError', details: ['x'], module: 'builtins', traceback: undefined })
      assert.equal(await commands.send(['EXISTS', `${key}.j`, `${key}.s`, `${key}.t`]), 0)
    })
  }

  it('refuses options that it does not know', async () => {
    await assert.rejects(open({ expiresMs: 1, transportOptions: { global_key_prefix: 'x' } }), (error) => {
      assert.ok(error instanceof ImproperlyConfigured)
      assert.match(error.message, /of the Redis result backend: .*did you mean global_keyprefix\?/)
      return true
    })
  })
})
