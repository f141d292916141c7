import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import {
  defineScript,
  openRedis,
  parseRedisOptions,
  RedisConnectionLost,
  RedisReplyError,
} from '../../src/drivers/open-redis.ts'
import { OperationalError } from '../../src/errors.ts'
import { Celeriac } from '../../src/index.ts'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { redisCommand, redisInfo } from '../support/redis-command.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { uncaughtDuring, until } from './contract.ts'
import { openDriver } from './redis-driver-lab.ts'

const server = await privateServer('redis', { unixsocket: 'redis.sock', unixsocketperm: '777' })
const source = path.resolve(import.meta.dirname, '../../src')
const run = promisify(execFile)

/** Runs a program that has `openRedis` and `options`, which must end by itself; what it printed. */
async function runProgram(body: string, folder: string = source): Promise<string> {
  const module = JSON.stringify(path.join(folder, 'drivers/open-redis.ts'))
  const script = `import { openRedis, parseRedisOptions } from ${module}
    const options = parseRedisOptions({}, 'a test')
    ${body}`
  const args = ['--input-type=module', '-e', script]
  const { stdout } = await run(process.execPath, args, { cwd: folder, timeout: 10_000 })
  return stdout.trim()
}

describe('a Redis connection', { skip: skipIfMissing(server) }, () => {
  const redis = server as PrivateServer
  after(() => redis.stop())

  it('replies with texts, numbers, lists and null, or with bytes where they are asked for', async () => {
    await using driver = await openDriver(redis.url)
    const bytes = Buffer.from([0xff, 0x00, 0xc3])
    await driver.commands.send(['RPUSH', 'list', 'ż', bytes])
    assert.deepEqual(await driver.commands.send(['LRANGE', 'list', '0', '-1']), ['ż', bytes.toString()])
    assert.deepEqual(await driver.commands.send(['LINDEX', 'list', '1'], { asBytes: true }), bytes)
    const script = defineScript("return { KEYS[1], ARGV[1], redis.call('LLEN', KEYS[1]), false }")
    for (let time = 0; time < 2; time++) {
      assert.deepEqual(await driver.commands.run(script, ['list'], ['x']), ['list', 'x', 2, null])
    }
  })

  it('keeps the order of what is sent in one turn, scripts that the server does not know too', async () => {
    await using driver = await openDriver(redis.url)
    const script = defineScript("return redis.call('APPEND', KEYS[1], ARGV[1])")
    await redisCommand(redis.url, 'SCRIPT', 'FLUSH')
    await Promise.all([
      driver.commands.send(['SET', 'text', 'a']),
      driver.commands.run(script, ['text'], ['b']),
      driver.commands.send(['APPEND', 'text', 'c']),
      driver.commands.run(script, ['text'], ['d']),
    ])
    assert.equal(await driver.commands.send(['GET', 'text']), 'abcd')
  })

  it('runs a transaction as a whole, or says which command was wrong', async () => {
    await using driver = await openDriver(redis.url)
    const { commands } = driver
    assert.deepEqual(
      await commands.transaction([
        ['SET', 'n', '1'],
        ['INCR', 'n'],
        ['GET', 'n'],
      ]),
      ['OK', 2, '2'],
    )
    await assert.rejects(
      commands.transaction([
        ['SET', 'n', 'x'],
        ['INCR', 'n'],
      ]),
      /INCR failed: ERR value is not an integer/,
    )
    await assert.rejects(commands.transaction([['SET', 'n', '7'], ['NOPE']]), /NOPE failed: ERR unknown command/)
    assert.equal(await commands.send(['GET', 'n']), 'x')
  })

  it('says what was refused, where, and what to do', async () => {
    await using driver = await openDriver(redis.url)
    await driver.commands.send(['SET', 'text', 'a'])
    await assert.rejects(driver.commands.send(['LPUSH', 'text', 'b']), (error) => {
      assert.ok(error instanceof RedisReplyError && error instanceof OperationalError)
      assert.match(error.reply, /^WRONGTYPE/)
      assert.match(error.message, new RegExp(`^Redis at 127\\.0\\.0\\.1:${redis.port}: LPUSH failed: WRONGTYPE`))
      return true
    })
    await assert.rejects(openDriver(redis.url.replace(/0$/, '99')), /DB index is out of range; the server has fewer/)
    await assert.rejects(openDriver(redis.url.replace('//', '//:hunter2@')), (error) => {
      assert.match(String(error), /take the password out of the URL/)
      assert.doesNotMatch(String(error), /hunter2/)
      return true
    })
  })

  it('sends what one turn of the event loop asks for in one write', async () => {
    await using driver = await openDriver(redis.url)
    const reads = async (): Promise<number> => Number(await redisInfo(redis.url, 'stats', 'total_reads_processed'))
    const before = await reads()
    await Promise.all(Array.from({ length: 500 }, (_, index) => driver.commands.send(['SET', `key${index}`, 'x'])))
    assert.ok((await reads()) - before < 20)
  })

  it('waits for a server that is just starting', async () => {
    await using proxy = await TcpProxy.open(redis)
    await proxy.refuse()
    const opening = openDriver(proxy.through(redis.url), { socketConnectTimeout: 5 })
    setTimeout(() => void proxy.accept(), 200)
    await using driver = await opening
    assert.equal(await driver.commands.send(['PING']), 'PONG')
  })

  it('comes back when it is lost while it is being opened', async () => {
    await using proxy = await TcpProxy.open(redis)
    proxy.loseReplyTo('memory')
    await using driver = await openDriver(proxy.through(redis.url))
    await driver.commands.ready(5000)
    assert.equal(await driver.commands.send(['PING']), 'PONG')
  })

  it('is given up where the server refuses to write, until it does not', async () => {
    await using driver = await openDriver(redis.url)
    await driver.commands.send(['SET', 'n', '1'])
    await redisCommand(redis.url, 'CONFIG', 'SET', 'min-replicas-to-write', '1')
    await assert.rejects(driver.commands.send(['INCR', 'n']), (error) => {
      assert.ok(error instanceof RedisConnectionLost && !error.mayHaveRun)
      assert.match(error.message, /INCR did not run.*NOREPLICAS/)
      return true
    })
    await redisCommand(redis.url, 'CONFIG', 'SET', 'min-replicas-to-write', '0')
    await driver.commands.ready(5000)
    assert.equal(await driver.commands.send(['INCR', 'n']), 2)
  })

  it('is made over a Unix socket, in the database that the URL names', async () => {
    await using driver = await openDriver(`redis+socket://${redis.folder}/redis.sock?virtual_host=3`)
    await driver.commands.send(['SET', 'here', '3'])
    assert.match(String(await driver.commands.send(['CLIENT', 'INFO'])), /name=celeriac-commands .*db=3/)
    assert.equal(await redisCommand(redis.url.replace(/0$/, '3'), 'GET', 'here'), '3')
  })

  it('subscribes once for all who listen, until the last of them stops', async () => {
    await using driver = await openDriver(redis.url)
    const heard: string[] = []
    const channels = async (): Promise<unknown> => await driver.commands.send(['PUBSUB', 'CHANNELS'])
    const one = await driver.subscriber.subscribe(['x', 'y'], (text, channel) => heard.push(`one ${channel} ${text}`))
    const two = await driver.subscriber.subscribe(['x'], (text, channel) => heard.push(`two ${channel} ${text}`))
    assert.deepEqual(await driver.commands.send(['PUBSUB', 'NUMSUB', 'x', 'y']), ['x', 1, 'y', 1])
    await driver.commands.send(['PUBLISH', 'x', 'ż'])
    await driver.subscriber.caughtUp()
    assert.deepEqual(heard, ['one x ż', 'two x ż'])
    await one[Symbol.asyncDispose]()
    await one[Symbol.asyncDispose]()
    await until(
      async () => String(await channels()) === 'x',
      () => 'y to be left',
    )
    await two[Symbol.asyncDispose]()
    await until(
      async () => String(await channels()) === '',
      () => 'x to be left',
    )
    await driver.commands.send(['PUBLISH', 'x', 'late'])
    await driver.subscriber.caughtUp()
    assert.equal(heard.length, 2)
  })

  it('keeps every subscription through any order of subscribing and stopping', async () => {
    await using driver = await openDriver(redis.url)
    const open = new Map<AsyncDisposable, string>()
    let heard: string[] = []
    for (let round = 0; round < 300; round++) {
      const channel = `c${Math.floor(Math.random() * 3)}`
      const [first] = open.keys()
      if (first && Math.random() < 0.5) {
        open.delete(first)
        await first[Symbol.asyncDispose]()
      } else {
        const subscribing = driver.subscriber.subscribe([channel], (text) => heard.push(text))
        if (Math.random() < 0.3) await new Promise((resolve) => setImmediate(resolve))
        open.set(await subscribing, channel)
      }
      if (round % 10 > 0) continue
      heard = []
      for (const name of ['c0', 'c1', 'c2']) await redisCommand(redis.url, 'PUBLISH', name, name)
      await driver.subscriber.caughtUp()
      assert.deepEqual(heard, [...open.values()].toSorted())
    }
  })

  it('lets the error of a listener surface, and tells the others', async () => {
    await using driver = await openDriver(redis.url)
    const heard: string[] = []
    await driver.subscriber.subscribe(['x'], () => {
      throw new Error('a bug in the listener')
    })
    await driver.subscriber.subscribe(['x'], (text) => heard.push(text))
    const errors = await uncaughtDuring(1, async () => void (await driver.commands.send(['PUBLISH', 'x', '1'])))
    assert.match(String(errors[0]), /a bug in the listener/)
    assert.deepEqual(heard, ['1'])
  })

  it('leaves nothing behind once it was disposed of', async () => {
    const before = process.getActiveResourcesInfo().length
    const driver = await openDriver(redis.url)
    const own = driver.connect('own')
    await own.ready()
    await driver.subscriber.subscribe(['x'], () => {})
    const blocked = assert.rejects(own.send(['BLPOP', 'nothing', '0'], { blocksMs: 60_000 }), OperationalError)
    await driver[Symbol.asyncDispose]()
    await driver[Symbol.asyncDispose]()
    await blocked
    await assert.rejects(driver.commands.send(['PING']), OperationalError)
    await assert.rejects(driver.commands.ready(), OperationalError)
    await assert.rejects(
      driver.subscriber.subscribe(['x'], () => {}),
      OperationalError,
    )
    await until(
      () => process.getActiveResourcesInfo().length <= before,
      () => process.getActiveResourcesInfo().join(),
    )
  })

  it('keeps the process alive for a reply or a subscription, not while it is idle', async () => {
    const url = JSON.stringify(redis.url)
    const idle = `const redis = await openRedis(${url}, options)
      redis.commands.send(['SET', 'from', 'idle']).then(console.log)`
    assert.equal(await runProgram(idle), 'OK')
    const listening = `const redis = await openRedis(${url}, options)
      const subscription = await redis.subscriber.subscribe(['x'], async (text) => {
        console.log(text)
        await subscription[Symbol.asyncDispose]()
      })
      setTimeout(() => redis.commands.send(['PUBLISH', 'x', 'heard']), 200).unref()`
    assert.equal(await runProgram(listening), 'heard')
  })

  it('says how to install the package that it needs', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-'))
    try {
      for (const part of ['errors.ts', 'util', 'drivers']) {
        await cp(path.join(source, part), path.join(folder, part), { recursive: true })
      }
      const body = `await openRedis('redis://localhost', options).catch((error) => console.log(String(error)))`
      assert.equal(
        await runProgram(body, folder),
        'ImproperlyConfigured: Redis needs the package @redis/client, which is not installed: npm install @redis/client',
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

const secure = await privateServer('rediss', { requirepass: 'hunter2' })

describe('a Redis connection with TLS and a password', { skip: skipIfMissing(secure) }, () => {
  const redis = secure as PrivateServer
  after(() => redis.stop())
  const url = 'url' in secure ? secure.url.replace('//', '//:hunter2@') : ''
  const ca_certs = `${redis.folder}/certificate.pem`

  it('is made with a certificate that is known, as a file, as text, or in the URL', async () => {
    const pem = await readFile(ca_certs, 'utf8')
    for (const [given, options] of [
      [url, { ssl: { ca_certs } }],
      [url, { ssl: { ca: pem } }],
      [`${url}?ssl_ca_certs=${ca_certs}`, {}],
      [`${url}?ssl_cert_reqs=none`, {}],
      [url.replace('rediss', 'redis'), { ssl: { ca_certs, check_hostname: false } }],
    ] as const) {
      await using driver = await openDriver(given, options)
      assert.equal(await driver.commands.send(['PING']), 'PONG')
      const { promise, resolve } = Promise.withResolvers<string>()
      await driver.subscriber.subscribe(['x'], resolve)
      await driver.commands.send(['PUBLISH', 'x', 'hello'])
      assert.equal(await promise, 'hello')
    }
  })

  it('is that of an app with the TLS settings of Celery', async () => {
    const use_ssl = { ssl_ca_certs: ca_certs, ssl_cert_reqs: 'CERT_REQUIRED' }
    const settings = { broker_use_ssl: use_ssl, redis_backend_use_ssl: use_ssl }
    await using app = new Celeriac('secure', { broker: url, backend: url, settings })
    const { id } = await app.send('nobody.runs.it')
    const [broker, backend] = await Promise.all([app.openBroker(), app.openBackend()])
    assert.equal(await broker.count('celery'), 1)
    assert.deepEqual(await backend.fetch([id]), [undefined])
  })

  it('is refused with a certificate that is not known, or without TLS', async () => {
    await assert.rejects(openDriver(url), /cannot be reached: self-signed certificate/)
    await assert.rejects(openDriver(url.replace('rediss', 'redis')), OperationalError)
    await assert.rejects(openDriver(url, { ssl: { ca_certs: '/no/ca.pem' } }), /^ImproperlyConfigured: .*\/no\/ca\.pem/)
  })

  it('is refused with a wrong password or none, without showing it', async () => {
    const options = parseRedisOptions({ ssl: { ca_certs } }, 'a test')
    await assert.rejects(openRedis(redis.url, options), /NOAUTH.*give the password in the URL/)
    await assert.rejects(openRedis(url.replace('hunter2', 'hunter3'), options), (error) => {
      assert.match(String(error), /WRONGPASS.*check user and password/)
      assert.doesNotMatch(String(error), /hunter/)
      return true
    })
  })
})
