import { randomUUID } from 'node:crypto'
import os from 'node:os'
import type { Payload } from './peer.ts'

export const queue = 'celery'
export const taskName = 'bench.add'

const origin = `gen${process.pid}@${os.hostname()}`
const embed = { callbacks: null, errbacks: null, chain: null, chord: null }

/** Celery's protocol 2, as the others of its kind write it. */
export function encodeHeaders(id: string): string {
  return JSON.stringify({
    lang: 'js',
    task: taskName,
    id,
    shadow: null,
    eta: null,
    expires: null,
    group: null,
    group_index: null,
    retries: 0,
    timelimit: [null, null],
    root_id: id,
    parent_id: null,
    argsrepr: '(...)',
    kwargsrepr: '{}',
    origin,
    ignore_result: false,
    replaced_task_nesting: 0,
    stamped_headers: null,
    stamps: {},
  })
}

export function encodeBody({ a, b, text }: Payload): string {
  return JSON.stringify([[a, b, text], {}, embed])
}

export function decodeBody(body: string): Payload {
  const [[a, b, text]] = JSON.parse(body) as [[number, number, string]]
  return { a, b, text }
}

const placeholder = '00000000-0000-0000-0000-000000000000'
const template = encodeHeaders(placeholder).split(placeholder)

/** kombu's envelope on Redis; all but ids and body is written once. */
export function encodeEnvelope(payload: Payload, id: string): string {
  const body = Buffer.from(encodeBody(payload)).toString('base64')
  return (
    `{"body":"${body}","content-encoding":"utf-8","content-type":"application/json","headers":${template.join(id)},` +
    `"properties":{"correlation_id":"${id}","reply_to":"","delivery_mode":2,` +
    `"delivery_info":{"exchange":"","routing_key":"${queue}"},"priority":0,"body_encoding":"base64",` +
    `"delivery_tag":"${randomUUID()}"}}`
  )
}

interface Envelope {
  readonly body: string
  readonly headers: { readonly id: string }
}

export function decodeEnvelope(text: string): { readonly id: string; readonly payload: Payload } {
  const { body, headers } = JSON.parse(text) as Envelope
  return { id: headers.id, payload: decodeBody(Buffer.from(body, 'base64').toString()) }
}
