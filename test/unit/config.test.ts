import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configFromEnv } from '../../src/app/config-env.ts'
import { settingsByName } from '../../src/app/config-names.ts'
import { compileConfig, describeConfig, settingsWarnings, type Config } from '../../src/app/config.ts'
import { readSettings } from '../../src/app/settings-source.ts'
import { ImproperlyConfigured } from '../../src/errors.ts'

const compile = (settings: object, namespace?: string): Config => compileConfig([readSettings(settings, { namespace })])
const fromEnv = (env: Record<string, string>): Config => compileConfig([configFromEnv(env)])

function problemsOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    assert.ok(error instanceof ImproperlyConfigured)
    return error.message
  }
  return assert.fail('no problem was reported')
}

describe('the settings that a Django project has under CELERY_', () => {
  const cases: readonly [string, unknown, (config: Config) => unknown, unknown][] = [
    ['TIMEZONE', 'Australia/Tasmania', (config) => config.timezone, 'Australia/Tasmania'],
    ['TASK_TRACK_STARTED', true, (config) => config.task.trackStarted, true],
    ['TASK_TIME_LIMIT', 30 * 60, (config) => config.task.timeLimitMs, 1_800_000],
    ['TASK_ALWAYS_EAGER', true, (config) => config.task.alwaysEager, true],
    ['BROKER_URL', 'redis://localhost:6379/0', (config) => config.broker.url, 'redis://localhost:6379/0'],
    ['WORKER_CONCURRENCY', 3, (config) => config.worker.concurrency, 3],
    ['IMPORTS', ['./a.ts', './b.ts'], (config) => config.imports, ['./a.ts', './b.ts']],
    ['RESULT_BACKEND', 'memory:', (config) => config.result.backend, 'memory:'],
  ]
  for (const [name, value, read, expected] of cases) {
    it(`reads CELERY_${name}`, () => {
      const config = compile({ [`CELERY_${name}`]: value, INSTALLED_APPS: ['shop'], DEBUG: true }, 'CELERY')
      assert.deepEqual(read(config), expected)
      assert.notDeepEqual(read(compileConfig([])), expected)
    })

    it(`reads CELERY_${name} from the environment`, () => {
      assert.deepEqual(read(fromEnv({ [`CELERY_${name}`]: String(value) })), expected)
    })
  }
})

describe('names of settings', () => {
  const ways = [
    { TASK_SOFT_TIME_LIMIT: '2m' },
    { task_soft_time_limit: '2m' },
    { taskSoftTimeLimit: '2m' },
    { task: { softTimeLimit: '2m' } },
    { task: { soft_time_limit: '2m' } },
  ]
  for (const way of ways) {
    it(`may be written as ${JSON.stringify(way)}`, () => {
      assert.equal(compile(way).task.softTimeLimitMs, 120_000)
    })
  }

  it('may have a namespace with or without its underscore', () => {
    for (const namespace of ['SHOP', 'SHOP_'])
      assert.equal(compile({ SHOP_TIMEZONE: 'Asia/Tokyo' }, namespace).timezone, 'Asia/Tokyo')
  })

  it('may be mixed, and a setting may be given twice with one value', () => {
    const config = compile({ task_acks_late: false, taskAcksLate: false, worker: { concurrency: 2 } })
    assert.equal(config.task.acksLate, false)
    assert.equal(config.worker.concurrency, 2)
  })

  it('may not give one setting two values', () => {
    const problem = problemsOf(() => compile({ task_acks_late: false, task: { acksLate: true } }))
    assert.match(problem, /task_acks_late and task\.acksLate are one setting, given two values: false and true/)
  })

  it('are told where they are unknown, with the nearest in the style of the writer', () => {
    assert.match(
      problemsOf(() => compile({ task_track_startd: 1 })),
      /did you mean task_track_started\?/,
    )
    assert.match(
      problemsOf(() => compile({ taskTrackStartd: 1 })),
      /did you mean taskTrackStarted\?/,
    )
    assert.match(
      problemsOf(() => compile({ task: { trackStartd: 1 } })),
      /did you mean task\.trackStarted\?/,
    )
    const namespaced = problemsOf(() => compile({ CELERY_TASK_TRACK_STARTD: 1 }, 'CELERY'))
    assert.match(namespaced, /CELERY_TASK_TRACK_STARTD is not a setting; did you mean CELERY_TASK_TRACK_STARTED\?/)
  })

  it('with a prefix are explained where the namespace was forgotten', () => {
    assert.match(
      problemsOf(() => compile({ CELERY_BROKER_URL: 'memory:' })),
      /pass \{ namespace: 'CELERY' \}/,
    )
  })

  it('of Celery that celeriac does not read are warnings', () => {
    const source = readSettings({ worker_hijack_root_logger: false, beat_schedule: {} })
    assert.deepEqual(compileConfig([source]), compileConfig([]))
    assert.equal(settingsWarnings([source]).length, 2)
    assert.match(settingsWarnings([source])[0] ?? '', /worker_hijack_root_logger is a setting of Celery .* no effect/)
  })

  it('that are properties of every object are unknown like any other', () => {
    assert.match(
      problemsOf(() => compile({ constructor: 1 })),
      /constructor is not a setting/,
    )
    assert.match(
      problemsOf(() => compile(JSON.parse('{"__proto__": 1}') as object)),
      /__proto__ is not a setting/,
    )
  })
})

describe('values of settings', () => {
  const wrong: readonly [string, unknown][] = [
    ['timezone', 'Mars/Olympus'],
    ['enable_utc', false],
    ['imports', 5],
    ['accept_content', [1]],
    ['broker_url', 'localhost'],
    ['broker_url', ''],
    ['broker_transport_options', 'x'],
    ['broker_connection_timeout', 0],
    ['result_serializer', 'pickle'],
    ['result_expires', 'soon'],
    ['task_compression', 'bzip2'],
    ['task_default_queue', ''],
    ['task_default_priority', 10],
    ['task_routes', { 'a.*': { queue: 'x', exchange: 'y' } }],
    ['task_routes', { 'a.*': 5 }],
    ['task_time_limit', -1],
    ['task_time_limit', Number.NaN],
    ['task_acks_late', 'yes'],
    ['task_default_rate_limit', '10/d'],
    ['task_max_deliveries', 0],
    ['task_max_message_size', '16 bananas'],
    ['worker_concurrency', 0],
    ['worker_concurrency', 1.5],
    ['worker_concurrency', '4'],
    ['worker_log_style', 'xml'],
  ]
  for (const [name, value] of wrong) {
    it(`refuse ${name} = ${JSON.stringify(value)}, saying what was expected and what came`, () => {
      const problem = problemsOf(() => compile({ [name]: value }))
      assert.match(problem, new RegExp(`${name}.* must be .*; got `))
    })
  }

  it('are all reported at once, from every source', () => {
    const sources = [
      readSettings({ task_time_limt: 5, worker_concurrency: 0 }, { origin: 'settings.ts' }),
      configFromEnv({ CELERY_TIMEZONE: 'nowhere', CELERY_TASK_ACK_LATE: 'true' }),
    ]
    const problem = problemsOf(() => compileConfig(sources))
    assert.match(problem, /4 problems/)
    for (const part of [
      'settings.ts: task_time_limt',
      'settings.ts: worker_concurrency',
      'environment: CELERY_TIMEZONE',
      'did you mean CELERY_TASK_ACKS_LATE?',
    ]) {
      assert.ok(problem.includes(part), `${part} is missing from:\n${problem}`)
    }
  })

  it('never show a password in a message', () => {
    const values = ['redis//:hunter2@host', ':hunter2@host']
    for (const value of values) {
      const problem = problemsOf(() => compile({ broker_url: value }))
      assert.doesNotMatch(problem, /hunter2/)
    }
    const twice = problemsOf(() => compile({ broker_url: 'redis://u:hunter2@a', brokerUrl: 'redis://u:hunter3@b' }))
    assert.doesNotMatch(twice, /hunter/)
    const options = {
      broker_transport_options: { password: 'hunter2' },
      brokerTransportOptions: { password: 'hunter3' },
    }
    assert.doesNotMatch(
      problemsOf(() => compile(options)),
      /hunter/,
    )
  })

  it('may be null where a setting may be unset, as None in Python', () => {
    const config = compile({
      task_time_limit: null,
      result_expires: null,
      task_routes: null,
      worker_block_warning: null,
    })
    assert.equal(config.task.timeLimitMs, undefined)
    assert.equal(config.result.expiresMs, undefined)
    assert.equal(config.worker.blockWarningMs, undefined)
    assert.deepEqual(config.task.routes, {})
  })

  it('that are undefined count as not given', () => {
    assert.deepEqual(compile({ worker_concurrency: undefined, task: { acksLate: undefined } }), compileConfig([]))
  })

  it('of routes may be a queue or an object', () => {
    const routes = compile({ task_routes: { 'mail.*': 'mail', 'video.cut': { queue: 'slow', priority: 2 } } }).task
      .routes
    assert.deepEqual(routes, { 'mail.*': { queue: 'mail' }, 'video.cut': { queue: 'slow', priority: 2 } })
    assert.deepEqual(Object.keys(routes), ['mail.*', 'video.cut'])
  })

  it('of sizes may have a unit', () => {
    assert.equal(compile({ task_max_message_size: '512kB' }).task.maxMessageSize, 524_288)
  })
})

describe('where results go', () => {
  it('is the same SQLite file as the messages when nothing is configured', () => {
    const config = compileConfig([])
    assert.equal(config.broker.url, 'sqlite:./celeriac.db')
    assert.equal(config.result.backend, 'sqlite:./celeriac.db')
  })

  it('follows a sqlite: or memory: broker, and no other', () => {
    assert.equal(compile({ broker_url: 'sqlite:/tmp/x.db' }).result.backend, 'sqlite:/tmp/x.db')
    assert.equal(compile({ broker_url: 'memory:' }).result.backend, 'memory:')
    assert.equal(compile({ broker_url: 'redis://localhost' }).result.backend, undefined)
  })

  it('is nowhere with disabled:// and with null', () => {
    assert.equal(compile({ result_backend: 'disabled://' }).result.backend, undefined)
    assert.equal(compile({ result_backend: null }).result.backend, undefined)
  })

  it('is what accept_content allows unless result_accept_content says otherwise', () => {
    assert.deepEqual(compile({ accept_content: ['json', 'yaml'] }).result.acceptContent, ['json', 'yaml'])
    assert.deepEqual(compile({ result_accept_content: ['msgpack'] }).result.acceptContent, ['msgpack'])
  })
})

describe('the environment', () => {
  it('is read by the type of each setting', () => {
    const config = fromEnv({
      CELERY_TASK_ACKS_LATE: 'off',
      CELERY_TASK_TIME_LIMIT: '90',
      CELERY_TASK_SOFT_TIME_LIMIT: '500ms',
      CELERY_ACCEPT_CONTENT: 'json, yaml',
      CELERY_TASK_ROUTES: '{"a.*": "b"}',
      CELERY_TASK_MAX_MESSAGE_SIZE: '1MB',
      CELERY_TASK_DEFAULT_RATE_LIMIT: '5',
      CELERY_WORKER_CONCURRENCY: '',
      PATH: '/bin',
    })
    assert.equal(config.task.acksLate, false)
    assert.equal(config.task.timeLimitMs, 90_000)
    assert.equal(config.task.softTimeLimitMs, 500)
    assert.deepEqual(config.acceptContent, ['json', 'yaml'])
    assert.deepEqual(config.task.routes, { 'a.*': { queue: 'b' } })
    assert.equal(config.task.maxMessageSize, 1_048_576)
    assert.equal(config.task.defaultRateLimit, 5)
    assert.equal(config.worker.concurrency, undefined)
  })

  it('may have variables with the prefix that are options or come from Kubernetes', () => {
    fromEnv({ CELERY_APP: './app.ts', CELERY_LOG_LEVEL: 'info', CELERY_PORT_6379_TCP: 'tcp://10.0.0.1:6379' })
  })

  it('is told of texts that do not fit', () => {
    const problem = problemsOf(() => fromEnv({ CELERY_TASK_ACKS_LATE: 'maybe', CELERY_TASK_ROUTES: '{oops' }))
    assert.match(problem, /CELERY_TASK_ACKS_LATE must be true or false; got 'maybe'/)
    assert.match(problem, /CELERY_TASK_ROUTES must be an object .* got '\{oops'/)
  })

  it('may have another prefix', () => {
    const config = compileConfig([
      configFromEnv({ SHOP_TIMEZONE: 'Asia/Tokyo', CELERY_NONSENSE: '1' }, { prefix: 'SHOP_' }),
    ])
    assert.equal(config.timezone, 'Asia/Tokyo')
  })
})

describe('the compiled configuration', () => {
  it('takes each setting from the last source that has it', () => {
    const sources = [{ timezone: 'Asia/Tokyo', worker_concurrency: 2 }, { timezone: 'Europe/Paris' }].map((one) =>
      readSettings(one),
    )
    const config = compileConfig(sources)
    assert.equal(config.timezone, 'Europe/Paris')
    assert.equal(config.worker.concurrency, 2)
  })

  it('is frozen all through and shares nothing with the object it came from', () => {
    const options = { tls: { ca: ['a'] } }
    const config = compile({ broker_transport_options: options })
    assert.ok(Object.isFrozen(config.task.routes) && Object.isFrozen(config.imports) && Object.isFrozen(config.broker))
    options.tls.ca.push('b')
    assert.deepEqual(config.broker.transportOptions, { tls: { ca: ['a'] } })
  })

  it('has a doc, an expectation and a valid default for every setting', () => {
    for (const { name, setting } of settingsByName.values()) {
      assert.ok(setting.doc.length > 15, `${name} has no doc`)
      assert.ok(setting.kind.expects.length > 5, `${name} does not say what it may be`)
    }
    assert.equal(settingsByName.size, describeConfig(compileConfig([])).length)
    assert.ok(settingsByName.has('task_time_limit') && settingsByName.has('enable_utc'))
  })

  it('is described with passwords masked and changes marked', () => {
    const rows = describeConfig(
      compile({
        broker_url: 'amqp://shop:hun/ter@2@rabbit:5672/v',
        result_backend: 'redis://:hunter2@redis/0?token=hunter2',
        broker_transport_options: { password: 'hunter2', ssl: { privateKey: 'hunter2' } },
      }),
    )
    const text = JSON.stringify(rows)
    assert.doesNotMatch(text, /hunter2|hun\/ter/)
    assert.match(text, /amqp:\/\/shop:\*+@rabbit:5672\/v/)
    const changed = rows.filter((row) => row.isChanged).map((row) => row.name)
    assert.deepEqual(changed, ['broker_url', 'broker_transport_options', 'result_backend'])
  })
})
