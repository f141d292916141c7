import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Celeriac } from '../../src/app/app.ts'
import { deadLetterQueue, withDeath } from '../../src/protocol/message.ts'
import { freePort } from '../services/free-port.ts'
import { runCommandLine as celeriac } from '../support/command-line.ts'

let folder = ''
const broker = `memory:cli-${process.pid}`
/** Keeps the broker's store alive between the commands. */
const keeper = new Celeriac('keeper', { broker })

before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-cli-'))
  await (await keeper.openBroker()).count('celery')
  await keeper.openBackend()
  const app = JSON.stringify(path.resolve('src/index.ts'))
  const text = `import { Celeriac } from ${app}
export const app = new Celeriac('shop', { broker: 'redis://:hunter2@localhost', settings: { task_time_limit: '10m' } })
app.task('shop.add', (x: number, y: number) => x + y)
`
  // Settings are frozen once used, and a module is loaded once a process: a file for each command that changes them.
  for (const file of ['app.ts', 'caller.ts']) await fs.writeFile(path.join(folder, file), text)
})

after(async () => {
  await keeper.close()
  await fs.rm(folder, { recursive: true, force: true })
})

describe('the command line', () => {
  const commands = [
    'worker',
    'status',
    'inspect',
    'control',
    'call',
    'result',
    'queues',
    'purge',
    'dead',
    'explain',
    'config',
    'report',
    'init',
  ]

  it('explains itself and every command with examples', async () => {
    const { code, out } = await celeriac(['--help'])
    assert.equal(code, 0)
    for (const command of commands) {
      assert.ok(out.includes(`  ${command}`), `--help does not list ${command}`)
      const help = await celeriac([command, '--help'])
      assert.equal(help.code, 0)
      assert.match(help.out, /Examples?:\n {2}celeriac/, `${command} --help has no example`)
    }
  })

  it('prints its version', async () => {
    const { version } = JSON.parse(await fs.readFile('package.json', 'utf8')) as { readonly version: string }
    assert.deepEqual(await celeriac(['--version']), { code: 0, out: `${version}\n`, err: '' })
  })

  const wrong: readonly [readonly string[], RegExp][] = [
    [['wroker'], /unknown command 'wroker'\n\(Did you mean worker\?\)/],
    [['queues', '--quues', 'a'], /unknown option '--quues'/],
    [['call'], /missing required argument 'name'/],
    [['call', 'a.b', '-a', '{"x": 1}'], /Expected a JSON list/],
    [['call', 'a.b', '-a', '[1'], /This is not JSON/],
    [['call', 'a.b', '-k', '[1]'], /Expected a JSON object/],
    [['call', 'a.b', '--countdown', 'soon'], /Expected seconds, or text such as/],
    [['call', 'a.b', '--eta', 'tomorrow'], /ISO 8601/],
    [['call', 'a.b', '--priority', '10'], /from 0 to 9/],
    [['worker', '-A', './app.ts', '-c', '0'], /of at least 1/],
    [['worker', '-l', 'loud'], /Expected debug, info, warning or error/],
    [['worker'], /no app: name the module/],
    [['queues', '-Q', 'a,,b'], /names with commas between/],
    [['config', '--config', './nowhere.json'], /cannot read .*nowhere\.json/],
    [['config', '-b', 'localhost'], /broker_url must be a URL .* got 'localhost'/],
    [['config', '-A', './nowhere.ts'], /no such file/],
    [['config', '--workdir', '/nowhere'], /--workdir \/nowhere/],
  ]
  for (const [args, expected] of wrong) {
    it(`refuses "celeriac ${args.join(' ')}" with exit code 2`, async () => {
      const { code, out, err } = await celeriac(args)
      assert.match(err, expected)
      assert.equal(code, 2)
      assert.equal(out, '')
    })
  }
})

describe('a broker that is away', () => {
  it('is told in one line, without a stack', async () => {
    const url = `redis://127.0.0.1:${await freePort()}/0?socket_connect_timeout=0.1`
    const { code, err } = await celeriac(['queues', '-b', url])
    assert.equal(code, 1)
    assert.match(err, /^Error: Redis at 127\.0\.0\.1:\d+ cannot be reached: connect ECONNREFUSED \S+\n$/)
  })
})

describe('a module that cannot be imported', () => {
  it('is shown without the frames of the loader, and with those of its own if it threw', async () => {
    await fs.writeFile(path.join(folder, 'absent.ts'), "import './nowhere.ts'")
    await fs.writeFile(path.join(folder, 'throws.ts'), "throw new Error('no database')")
    const absent = await celeriac(['-A', path.join(folder, 'absent.ts'), 'config'])
    assert.equal(absent.code, 2)
    assert.match(absent.err, /Cannot find module .*nowhere\.ts/)
    assert.doesNotMatch(absent.err, /^ +at /m)
    const throwing = await celeriac(['-A', path.join(folder, 'throws.ts'), 'config'])
    assert.match(throwing.err, /no database\n +at .*throws\.ts:1:7/)
  })
})

describe('the environment of the command line', () => {
  it('is told of a log level that is none, and only by the worker', async () => {
    const env = { CELERY_LOG_LEVEL: 'loud', CELERY_APP: path.join(folder, 'app.ts') }
    const { code, err } = await celeriac(['worker'], env)
    assert.equal(code, 2)
    assert.match(err, /CELERY_LOG_LEVEL is 'loud': Expected debug, info/)
    assert.doesNotMatch(err, / at /)
    assert.equal((await celeriac(['config'], env)).code, 0)
  })
})

describe('celeriac config', () => {
  it('prints the effective settings of an app with passwords masked and changes marked', async () => {
    const { code, out } = await celeriac(['-A', path.join(folder, 'app.ts'), 'config'])
    assert.equal(code, 0)
    assert.match(out, /^\* {2}broker_url +'redis:\/\/:\*+@localhost'$/m)
    assert.match(out, /^\* {2}task_time_limit +10m$/m)
    assert.match(out, /^ {3}worker_prefetch_multiplier +4$/m)
    assert.doesNotMatch(out, /hunter2/)
  })

  it('prints only changes, docs, or JSON on request', async () => {
    const changed = await celeriac(['config', '--changed'], { CELERY_WORKER_CONCURRENCY: '3' })
    assert.match(changed.out, /^ +SETTING +VALUE\n\* {2}worker_concurrency +3\n$/)
    assert.match((await celeriac(['config', '--docs'])).out, /task_publish_timeout = 10s\n {2}How long delay\(\)/)
    const rows = JSON.parse((await celeriac(['config', '--json'])).out) as { readonly name: string }[]
    assert.ok(rows.some((row) => row.name === 'task_acks_late'))
  })

  it('takes settings from --config, below those of the command line', async () => {
    const file = path.join(folder, 'settings.json')
    await fs.writeFile(file, '{ "CELERY_TIMEZONE": "Asia/Tokyo", "CELERY_BROKER_URL": "memory:a", "DEBUG": true }')
    const { out } = await celeriac(['--config', file, '-b', 'memory:b', 'config', '--changed'])
    assert.match(out, /timezone +'Asia\/Tokyo'/)
    assert.match(out, /broker_url +'memory:b'/)
    const module = path.join(folder, 'settings.ts')
    await fs.writeFile(module, 'export const worker_concurrency = 7')
    assert.match((await celeriac(['config', '--changed'], { CELERY_CONFIG: module })).out, /worker_concurrency +7/)
  })

  it('says where a file of settings does not parse', async () => {
    const file = path.join(folder, 'broken.json')
    await fs.writeFile(file, '{ "timezone": }')
    const { code, err } = await celeriac(['--config', file, 'config'])
    assert.equal(code, 2)
    assert.match(err, /broken\.json is not valid JSON: Unexpected token/)
    const module = path.join(folder, 'broken-settings.ts')
    await fs.writeFile(module, 'export const x = ;')
    assert.match(
      (await celeriac(['--config', module, 'config'])).err,
      /Cannot import .*broken-settings\.ts: SyntaxError/,
    )
  })

  it('reports every wrong variable of the environment at once', async () => {
    const { code, err } = await celeriac(['config'], { CELERY_TASK_ACK_LATE: '1', CELERY_TIMEZONE: 'Mars' })
    assert.equal(code, 2)
    assert.match(err, /CELERY_TASK_ACKS_LATE\?[^]*CELERY_TIMEZONE must be an IANA time zone/)
  })
})

describe('celeriac call, queues, result and purge', () => {
  it('send a task by its name, count it, show that it is pending, and delete it', async () => {
    const call = await celeriac(['-b', broker, 'call', 'py.add', '-a', '[2, 3]', '-k', '{"z": 1}', '--countdown', '1h'])
    assert.equal(call.code, 0, call.err)
    const id = call.out.trim()
    assert.match(id, /^[0-9a-f-]{36}$/)

    const queues = await celeriac(['-b', broker, 'queues', '--json'])
    assert.deepEqual(JSON.parse(queues.out), [{ queue: 'celery', waiting: 1, dead: 0 }])
    assert.match((await celeriac(['-b', broker, 'queues'])).out, /^QUEUE +WAITING +DEAD\ncelery +1 +0\n$/)

    const result = await celeriac(['-b', broker, 'result', id])
    assert.equal(result.code, 0)
    assert.match(result.out, /^PENDING/)

    const unasked = await celeriac(['-b', broker, 'purge'])
    assert.equal(unasked.code, 2)
    assert.match(unasked.err, /add --force/)
    const refused = await celeriac(['-b', broker, 'purge'], {}, 'no')
    assert.equal(refused.code, 1)
    assert.match(refused.err, /Delete all waiting messages of celery\? \(yes\/NO\) Nothing was deleted/)
    const purged = await celeriac(['-b', broker, 'purge', '--json'], {}, 'yes')
    assert.deepEqual(JSON.parse(purged.out), [{ queue: 'celery', purged: 1 }])
  })

  it('tell the nearest name where the app does not define the task', async () => {
    const args = [
      '-A',
      path.join(folder, 'caller.ts'),
      '-b',
      broker,
      'call',
      'shop.ad',
      '-a',
      '[1, 2]',
      '--queue',
      'other',
    ]
    const { code, err } = await celeriac(args)
    assert.equal(code, 0, err)
    assert.match(err, /shop defines no task shop\.ad \(did you mean shop\.add\?\)/)
    const purge = await celeriac(['-b', broker, 'purge', '-f', '-Q', 'other,celery', '-X', 'celery', '--json'])
    assert.deepEqual(JSON.parse(purge.out), [{ queue: 'other', purged: 1 }])
  })

  it('show results as they are stored, and fail for a task that failed', async () => {
    const backend = await keeper.openBackend()
    await backend.store({ taskId: 'good', status: 'SUCCESS', result: { total: 5 }, dateDone: new Date() })
    const error = { type: 'KeyError', details: ['x\u001b[31m'], module: undefined, traceback: 'Traceback: line 5' }
    await backend.store({ taskId: 'bad', status: 'FAILURE', result: error, dateDone: new Date() })
    assert.deepEqual(await celeriac(['-b', broker, 'result', 'good']), { code: 0, out: '{ total: 5 }\n', err: '' })
    const bad = await celeriac(['-b', broker, 'result', 'bad'])
    assert.equal(bad.code, 1)
    assert.ok(bad.out.startsWith('FAILURE KeyError: x') && !bad.out.includes('\u001b'), bad.out)
    assert.match((await celeriac(['-b', broker, 'result', 'bad', '--traceback'])).out, /Traceback: line 5/)
    const json = JSON.parse((await celeriac(['-b', broker, 'result', 'good', '--wait', '5s', '--json'])).out) as object
    assert.partialDeepStrictEqual(json, { taskId: 'good', state: 'SUCCESS', result: { total: 5 } })
  })

  it('refuse to look for results that nobody keeps, before anything is sent', async () => {
    const without = ['-b', broker, '--result-backend', 'disabled://']
    for (const args of [
      ['result', 'x'],
      ['call', 'py.add', '--wait'],
    ]) {
      const { code, err } = await celeriac([...without, ...args])
      assert.equal(code, 2)
      assert.match(err, /has no result backend: name it with --result-backend <url>, or in result_backend/)
    }
    assert.equal(await (await keeper.openBroker()).count('celery'), 0)
  })

  it('give up waiting with exit code 1', async () => {
    const { code, err } = await celeriac(['-b', broker, 'result', 'never', '--wait', '50ms'])
    assert.equal(code, 1)
    assert.match(err, /never was not ready after 50ms/)
  })
})

describe('celeriac dead', () => {
  it('lists dead letters with the reason, sends them back and deletes them', async () => {
    const open = await keeper.openBroker()
    const ids = ['d1', 'd2', 'd3']
    const death = { reason: 'unknown task shop.nope', queue: 'celery', at: '2026-11-20T08:00:00.000Z', deliveries: 1 }
    await open.publish(
      ids.map((id) => ({
        queue: deadLetterQueue('celery'),
        message: withDeath(
          {
            headers: { id, task: 'shop.nope' },
            properties: { correlationId: id },
            contentType: 'application/json',
            contentEncoding: 'utf-8',
            body: '[[], {}, {}]',
          },
          death,
        ),
      })),
    )
    const listed = await celeriac(['-b', broker, 'dead', 'list'])
    assert.equal(listed.code, 0, listed.err)
    assert.match(
      listed.out,
      /^ID +TASK +AT +DELIVERIES +REASON\nd1 +shop\.nope +2026-11-20T08:00:00\.000Z +1 +unknown task shop\.nope\n/,
    )
    const limited = JSON.parse((await celeriac(['-b', broker, 'dead', 'list', '-n', '2', '--json'])).out) as unknown[]
    assert.equal(limited.length, 2)

    const redriven = await celeriac(['-b', broker, 'dead', 'redrive', 'celery', 'd2', 'dx'])
    assert.equal(redriven.code, 1)
    assert.match(redriven.out, /^1 sent back to celery/)
    assert.equal(await open.count('celery'), 1)

    const purged = await celeriac(['-b', broker, 'dead', 'purge', '--force', '--json'])
    assert.deepEqual(JSON.parse(purged.out), { queue: 'celery', purged: 2 })
    assert.equal((await celeriac(['-b', broker, 'dead', 'list'])).out, 'No dead letters.\n')
    await open.purge('celery')
  })
})

describe('celeriac report', () => {
  it('prints versions and changed settings without passwords', async () => {
    const { code, out } = await celeriac(['-A', path.join(folder, 'app.ts'), 'report'])
    assert.equal(code, 0)
    assert.match(out, /^node +v\d+/m)
    assert.match(out, /^tasks +shop\.add$/m)
    assert.doesNotMatch(out, /hunter2/)
  })
})

describe('celeriac init', () => {
  it('writes an app into a new folder, named after it', async () => {
    const target = path.join(folder, 'My Shop 2')
    const { code, out } = await celeriac(['init', target])
    assert.equal(code, 0)
    assert.match(out, /npm install && npm run demo/)
    const manifest = JSON.parse(await fs.readFile(path.join(target, 'package.json'), 'utf8')) as {
      readonly name: string
    }
    assert.equal(manifest.name, 'my-shop-2')
    assert.match(await fs.readFile(path.join(target, 'tasks.ts'), 'utf8'), /'my-shop-2\.add'/)
  })

  it('refuses a folder that is not empty, and never overwrites', async () => {
    const target = path.join(folder, 'used')
    await fs.mkdir(target)
    await fs.writeFile(path.join(target, 'app.ts'), 'mine')
    const refused = await celeriac(['init', target])
    assert.equal(refused.code, 2)
    assert.match(refused.err, /used is not empty \(app\.ts\)/)
    const forced = await celeriac(['init', target, '--force'])
    assert.equal(forced.code, 0)
    assert.match(forced.err, /app\.ts is there already: kept as it is/)
    assert.equal(await fs.readFile(path.join(target, 'app.ts'), 'utf8'), 'mine')
    assert.ok((await fs.readdir(target)).includes('tasks.ts'))
  })
})
