import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { Message } from '../../../src/protocol/message.ts'
import { encodeTaskBody } from '../../../src/protocol/task-body.ts'
import { encodeTaskHeaders, readTask } from '../../../src/protocol/task-message.ts'
import { decodeTaskMeta, encodeTaskMeta } from '../../../src/protocol/task-meta.ts'
import { dumpJson, loadJson } from '../../../src/protocol/typed-json.ts'
import { decompress } from '../../../src/protocol/compression.ts'
import { loadBody, openSerializer, serializerNames } from '../../../src/serializers/open-serializer.ts'
import type { Serializer } from '../../../src/serializers/serializer.ts'
import { capturedTasks, captureText, jsonData } from './captures.ts'

const unreadable = /pickle|bzip2|lzma/

describe('task messages of real Celery', () => {
  let serializers: Serializer[] = []
  before(async () => {
    serializers = await Promise.all(serializerNames.map(openSerializer))
  })
  const load = (message: Message): unknown =>
    loadBody(message, new Set(serializers.map(({ contentType }) => contentType)), serializers)

  const captured = capturedTasks()
  it('are all there', () => {
    assert.ok(captured.length >= 25, `only ${captured.length}`)
  })

  for (const { name, message } of captured.filter((task) => task.message.headers['task'] !== undefined)) {
    it(`${name}: the headers re-encode to what they were`, () => {
      const task = readTask(message, () => assert.fail('the body was read'))
      const { compression: _, ...wire } = message.headers
      assert.deepEqual(encodeTaskHeaders(task.headers), { ...wire, lang: 'js' })
      assert.equal(task.protocol, 2)
    })
  }

  for (const { name, message } of captured.filter((task) => !unreadable.test(task.name))) {
    it(`${name}: the body re-encodes to what it was`, () => {
      const task = readTask(message, () => load(message))
      const [args, kwargs, embed] = encodeTaskBody(task.body())
      if (task.protocol === 1) return assert.deepEqual([args, kwargs, embed.chain], [[2], { y: 3 }, null])
      assert.deepEqual(Object.keys(embed), ['callbacks', 'errbacks', 'chain', 'chord'])
      const serializer = serializers.find(({ contentType }) => contentType === message.contentType)
      const written = serializer?.dump([args, kwargs, embed]) ?? ''
      if (typeof written === 'string' && message.contentType === 'application/json') {
        assert.deepEqual(jsonData(written), jsonData(bodyText(message)))
      } else assert.deepEqual(serializer?.load(written), load(message))
    })
  }

  for (const { name, message } of captured.filter((task) => unreadable.test(task.name))) {
    it(`${name}: is refused with a clear error`, () => {
      const task = readTask(message, () => load(message))
      assert.throws(() => task.body(), { code: 'DECODE', message: /Unsupported compression|python-serialize/ })
    })
  }

  it('of protocol 1 have their headers in the body', () => {
    const { message } = captured.find(({ name }) => name.startsWith('task_v1')) ?? assert.fail()
    const task = readTask(message, () => load(message))
    assert.equal(task.protocol, 1)
    assert.equal(task.headers.task, 'wapp.add')
    assert.equal(task.headers.eta?.toISOString(), '2026-11-20T08:28:22.526Z')
    assert.deepEqual(task.headers.custom, {})
    assert.match(JSON.stringify(task.body().embed.callbacks), /"task":"wapp.mul"/)
  })

  it('published by workers (retries, links, chains) re-encode to what they were', () => {
    const groups = JSON.parse(captureText('canvas_followup_messages.json')) as Record<string, Published[]>
    const messages = Object.values(groups).flat()
    for (const { headers, body } of messages) checkRoundTrip(headers, JSON.stringify(body))
    assert.ok(messages.length > 10)
  })

  for (const version of ['5.2.6', '5.6.3', 'main-5.7dev']) {
    it(`of Celery ${version} re-encode to what they were`, () => {
      const capture = JSON.parse(captureText(`version_${version}.json`)) as {
        messages: Record<string, Published | string>
      }
      const messages = Object.values(capture.messages).filter((message) => typeof message !== 'string')
      for (const { headers, body } of messages) checkRoundTrip(headers, body as string)
      assert.ok(messages.length > 2)
    })
  }
})

interface Published {
  readonly headers: Record<string, unknown>
  readonly body: unknown
}

function bodyText({ headers, body }: Message): string {
  if (typeof body === 'string') return body
  return new TextDecoder().decode(decompress(headers['compression'], body, 1e6))
}

/** What older versions do not send yet. */
const newer = { replaced_task_nesting: 0, stamped_headers: null, stamps: {} }

function checkRoundTrip(headers: Record<string, unknown>, text: string): void {
  const message: Message = {
    headers,
    properties: {},
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: text,
  }
  const task = readTask(message, () => loadJson(text))
  assert.deepEqual(encodeTaskHeaders(task.headers), { ...newer, ...headers, lang: 'js' })
  assert.deepEqual(jsonData(dumpJson(encodeTaskBody(task.body()))), jsonData(text))
}

describe('results of real Celery', () => {
  const texts = new Map<string, string>()
  for (const [name, { raw }] of Object.entries(json<{ raw?: string }>('results_redis_meta.json'))) {
    if (typeof raw === 'string') texts.set(name, raw)
  }
  for (const [name, meta] of Object.entries(json<object>('results_redis_meta_extended.json'))) {
    texts.set(name, JSON.stringify(meta))
  }

  for (const [name, text] of texts) {
    it(`${name}: re-encodes to the same text`, () => {
      assert.equal(dumpJson(encodeTaskMeta(decodeTaskMeta(loadJson(text)))), JSON.stringify(JSON.parse(text)))
    })
  }

  it('sent over rpc:// decode, though they have no date', () => {
    const bodies = Object.values(json<{ body?: string }>('rpc_results.json')).flatMap(({ body }) => body ?? [])
    for (const body of bodies) {
      const meta = decodeTaskMeta(loadJson(body))
      const { date_done: _, ...wire } = encodeTaskMeta(meta)
      for (const [key, value] of Object.entries(JSON.parse(body) as object)) assert.deepEqual(wire[key], value)
    }
    assert.ok(bodies.length >= 4)
  })
})

function json<T>(file: string): Record<string, T> {
  return JSON.parse(captureText(file)) as Record<string, T>
}
