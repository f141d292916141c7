import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Message } from '../../../src/protocol/message.ts'

const folder = path.resolve(import.meta.dirname, '../../fixtures/captures')

export function captureText(file: string): string {
  return readFileSync(path.join(folder, file), 'utf8')
}

export interface Envelope {
  readonly body: string
  readonly 'content-encoding': string
  readonly 'content-type': string
  readonly headers: Record<string, unknown>
}

export interface CapturedTask {
  readonly name: string
  readonly message: Message
}

/** Every envelope that real Celery left in Redis. */
export function capturedTasks(): CapturedTask[] {
  const files = readdirSync(folder).filter((file) => file.startsWith('task_v'))
  return files.toSorted().flatMap((file) => {
    const raws = [...captureText(file).matchAll(/"raw": ("(?:[^"\\]|\\.)*")/g)]
    const envelopes =
      raws.length === 0
        ? [findEnvelope(JSON.parse(captureText(file)))]
        : raws.map(([, raw]) => JSON.parse(JSON.parse(raw ?? '') as string) as Envelope)
    return envelopes.map((envelope, index) => ({ name: `${file} ${index}`, message: toMessage(envelope) }))
  })
}

/** The one capture without raw text is a list: body, envelope and key. */
function findEnvelope(capture: unknown): Envelope {
  const { body, ...envelope } = (capture as Envelope[])[0] as Envelope
  return { ...envelope, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)).toString('base64') }
}

function toMessage(envelope: Envelope): Message {
  const bytes = Buffer.from(envelope.body, 'base64')
  const isText = envelope['content-encoding'] === 'utf-8' && envelope.headers['compression'] === undefined
  return {
    headers: envelope.headers,
    properties: {},
    contentType: envelope['content-type'],
    contentEncoding: envelope['content-encoding'],
    body: isText ? bytes.toString() : bytes,
  }
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown

/** JSON as data to compare: numbers as they are spelled, Python's tokens as texts, markers as they are. */
export function jsonData(text: string): unknown {
  const quoted = text.replaceAll(/(?<=[[ :,])(-?Infinity|NaN)(?=[\],}])/g, '"number $1"')
  return parse(quoted, (_key, value, { source }) => (typeof value === 'number' ? `number ${source}` : value))
}
