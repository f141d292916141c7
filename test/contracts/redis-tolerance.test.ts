import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { createClient } from '@redis/client'
import type { Celeriac } from '../../src/index.ts'
import { type DeadLetter, listDeadLetters } from '../../src/app/dead-letters.ts'
import { service } from '../services.ts'
import { type Harness, openHarness, until } from '../support/worker-harness.ts'

type Fields = Readonly<Record<string, unknown>>

const list = '[[2, 3], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
const base64 = (body: string | Buffer): string => Buffer.from(body).toString('base64')
const info = { exchange: '', routing_key: 'celery' }

/** An envelope with parts replaced; undefined leaves one out. */
function envelope(
  changes: Fields & { readonly headers?: Fields | null; readonly properties?: Fields | undefined },
): string {
  const { headers, properties, ...rest } = changes
  return JSON.stringify({
    body: base64(list),
    'content-type': 'application/json',
    'content-encoding': 'utf-8',
    ...rest,
    ...(headers === null ? {} : { headers: { task: 'demo.add', id: crypto.randomUUID(), ...headers } }),
    ...('properties' in changes && properties === undefined
      ? {}
      : {
          properties: {
            delivery_tag: crypto.randomUUID(),
            delivery_info: info,
            body_encoding: 'base64',
            ...properties,
          },
        }),
  })
}

const v1 = (fields: Fields): string => envelope({ headers: null, body: base64(JSON.stringify(fields)) })
const fields = { task: 'demo.add', id: 'v1', args: [2, 3] }

/** Celery's own tolerance (celery-wire, appendix A): what it executes, we execute. */
const executed: Readonly<Record<string, string>> = {
  'task and id alone': envelope({}),
  'no content encoding': envelope({ 'content-encoding': undefined }),
  'a delivery mode, a priority and more': envelope({
    properties: { delivery_mode: 2, priority: 0, correlation_id: 'c', reply_to: '' },
  }),
  'an empty embed': envelope({ body: base64('[[2, 3], {}, {}]') }),
  'no embed': envelope({ body: base64('[[2, 3], {}, null]') }),
  'a body of text': envelope({ body: list, properties: { body_encoding: 'utf-8' } }),
  'a body of text, and no encoding': envelope({ body: list, properties: { body_encoding: undefined } }),
  'a body of text, and encoding null': envelope({ body: list, properties: { body_encoding: null } }),
  'unknown headers': envelope({ headers: { lang: 'js', 'x-one': 1, two: { three: [4] } } }),
  'a null that says nothing of the result': envelope({ headers: { ignore_result: null } }),
  'an eta that was, with Z': envelope({ headers: { eta: '2020-01-01T00:00:00Z' } }),
  'an eta that was, without zone': envelope({ headers: { eta: '2020-01-01T00:00:00.123456' } }),
  'no time limit': envelope({ headers: { timelimit: null } }),
  'an empty time limit': envelope({ headers: { timelimit: [] } }),
  'retries null': envelope({ headers: { retries: null } }),
  'stamps null': envelope({ headers: { stamps: null, stamped_headers: null } }),
  'stamps that are only named': envelope({ headers: { stamped_headers: ['a'] } }),
  'protocol 1': v1({ ...fields, kwargs: {}, retries: 0, eta: null, expires: null, utc: true, timelimit: [null, null] }),
  'protocol 1, the least': v1(fields),
  'a body of protocol 1 under headers of protocol 2': envelope({
    body: base64(JSON.stringify({ ...fields, kwargs: {} })),
  }),
  zlib: envelope({ body: base64(deflateSync(list)), headers: { compression: 'zlib' } }),
  'zlib, named as Celery does': envelope({
    body: base64(deflateSync(list)),
    headers: { compression: 'application/x-gzip' },
  }),
  // Python's worker dies of these, because its transport misses what we have no use for.
  'no delivery tag': envelope({ properties: { delivery_tag: undefined } }),
  'no delivery info': envelope({ properties: { delivery_info: undefined } }),
  'no exchange': envelope({ properties: { delivery_info: { routing_key: 'celery' } } }),
  'no routing key': envelope({ properties: { delivery_info: { exchange: '' } } }),
  'no properties': envelope({ body: list, properties: undefined }),
}

/** What it drops, rejects or dies of, is kept with the reason. */
const refused: Readonly<Record<string, readonly [string | Buffer, RegExp]>> = {
  'no content type': [envelope({ 'content-type': undefined }), /content-type/],
  'no body': [envelope({ body: undefined }), /body/],
  'a body that is a list': [envelope({ body: [[2, 3], {}, {}] }), /body/],
  'a body of two': [envelope({ body: base64('[[2, 3], {}]') }), /list \[args, kwargs, embed\]/],
  'a body of four': [envelope({ body: base64('[[2, 3], {}, {}, 1]') }), /list \[args, kwargs, embed\]/],
  'a body that is not base64': [envelope({ body: '%%%' }), /./],
  'a body that is no JSON': [envelope({ body: base64('{[') }), /JSON/],
  'BASE64 in capitals': [envelope({ properties: { body_encoding: 'BASE64' } }), /BASE64/],
  'an empty eta': [envelope({ headers: { eta: '' } }), /eta/],
  'an eta that is a number': [envelope({ headers: { eta: 1_700_000_000 } }), /eta/],
  'an eta that is no time': [envelope({ headers: { eta: 'tomorrow' } }), /eta/],
  'a number as expires': [envelope({ headers: { expires: 1_700_000_000 } }), /expires/],
  'a time limit of one': [envelope({ headers: { timelimit: [1] } }), /timelimit/],
  'kwargs null': [envelope({ body: base64('[[2, 3], null, {}]') }), /kwargs/],
  'args null': [envelope({ body: base64('[null, {}, {}]') }), /args/],
  'args that are an object': [envelope({ body: base64('[{"a": 1}, {}, {}]') }), /args/],
  'no id': [envelope({ headers: { id: undefined } }), /id/],
  'id null': [envelope({ headers: { id: null } }), /id/],
  'no task': [envelope({ headers: { task: undefined } }), /task/],
  'no headers': [envelope({ headers: null }), /task/],
  'headers null': [envelope({}).replace(/"headers":\{[^}]*\}/, '"headers":null'), /headers/],
  'protocol 1 without id': [v1({ ...fields, id: undefined }), /id/],
  'protocol 1 without task': [v1({ ...fields, task: undefined }), /task/],
  'no JSON': ['hello', /JSON/],
  'a number': ['42', /object/],
  'bytes that are no text': [Buffer.from([0xff, 0xfe, 0x7b]), /JSON/],
  'a pickle': [envelope({ 'content-type': 'application/x-python-serialize' }), /application\/x-python-serialize/],
  'a content type with charset': [envelope({ 'content-type': 'application/json; charset=utf-8' }), /charset/],
  'a plain text': [envelope({ 'content-type': 'text/plain' }), /text\/plain/],
  'a value of an unknown type': [
    envelope({ body: base64('[[{"__type__": "nope", "__value__": 1}], {}, {}]') }),
    /nope/,
  ],
  'a task that is not registered': [envelope({ headers: { task: 'no.such' } }), /no\.such/],
  'a real gzip': [envelope({ body: base64(gzipSync(list)), headers: { compression: 'application/x-gzip' } }), /./],
  'an unknown compression': [envelope({ headers: { compression: 'x-nope' } }), /x-nope/],
}

const redis = await service('redis')
if ('url' in redis) describeTolerance(redis.url)

function describeTolerance(url: string): void {
  describe('redis: what a worker makes of messages of others', () => {
    const prefix = `tolerance-${process.pid}:`
    const client = createClient({ url })
    const executions: string[] = []
    let harness: Harness
    let app: Celeriac

    before(async () => {
      await client.connect()
      const broker = `${url}?global_keyprefix=${encodeURIComponent(prefix)}`
      harness = await openHarness({
        name: 'redis',
        open: async () => ({ broker, backend: broker, dispose: async () => {} }),
      })
      app = harness.app
      app.task('demo.add', (x: number, y: number) => void executions.push(`${x} ${y}`))
      await harness.startWorker()
    })

    after(async () => {
      await harness[Symbol.asyncDispose]()
      await client.close()
    })

    for (const [what, raw] of Object.entries(executed)) {
      it(`runs a message with ${what}`, async () => {
        executions.length = 0
        await client.sendCommand(['LPUSH', `${prefix}celery`, raw])
        await until('it ran', () => executions.length > 0)
        assert.deepEqual(executions, ['2 3'])
      })
    }

    for (const [what, [raw, reason]] of Object.entries(refused)) {
      it(`keeps a message with ${what} among the dead letters`, async () => {
        executions.length = 0
        const broker = await app.openBroker()
        await broker.purge('celery.dead')
        await client.sendCommand(['LPUSH', `${prefix}celery`, raw])
        await until('it is there', async () => (await broker.count('celery.dead')) === 1)
        const { value: letter } = (await listDeadLetters(broker, 'celery').next()) as {
          readonly value: DeadLetter | undefined
        }
        assert.match(String(letter?.death?.reason), reason)
        assert.deepEqual(executions, [])
      })
    }
  })
}
