import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeSignature, encodeSignature } from '../../../src/protocol/signature-json.ts'
import { dumpJson, loadJson } from '../../../src/protocol/typed-json.ts'
import { capturedTasks, captureText } from './captures.ts'

/** Every signature in the text of a message body: what stands in the embed, and below it. */
function signaturesIn(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.values(value).flatMap(signaturesIn)
  return 'subtask_type' in value ? [value, ...inner] : inner
}

describe('signatures', () => {
  it('of real Celery re-encode to the very text they were, keys in order', () => {
    const bodies = capturedTasks()
      .filter(({ message }) => typeof message.body === 'string' && message.contentType === 'application/json')
      .map(({ message }) => loadJson(message.body as string))
    const followUps = loadJson(captureText('canvas_followup_messages.json'))
    const signatures = [...bodies, followUps].flatMap(signaturesIn)
    for (const signature of signatures) {
      assert.equal(dumpJson(encodeSignature(decodeSignature(signature))), dumpJson(signature))
    }
    assert.ok(signatures.length > 60, `only ${signatures.length}`)
  })

  it('are read with what is missing as Celery has it, and a bare list as the header of a chord', () => {
    assert.deepEqual(encodeSignature(decodeSignature({ task: 'a' })), {
      task: 'a',
      args: [],
      kwargs: {},
      options: {},
      subtask_type: null,
      immutable: false,
    })
    const chord = decodeSignature({
      task: 'celery.chord',
      kwargs: { header: [{ task: 'a' }], body: { task: 'b', chord_size: 3 } },
    })
    assert.ok(chord.kind === 'chord' && chord.header.tasks.length === 1 && chord.body.chordSize === 3)
  })

  it('that are none are refused, with what is wrong', () => {
    const deep = Array.from({ length: 600 }).reduce<object>(
      (inner) => ({ task: 'celery.chain', kwargs: { tasks: [inner] } }),
      { task: 'a' },
    )
    for (const [value, problem] of [
      ['a', /a signature must be an object/],
      [{}, /task must be a name/],
      [{ task: 'a', args: {} }, /args of a must be a list/],
      [{ task: 'a', kwargs: [] }, /kwargs of a must be an object/],
      [{ task: 'a', options: 5 }, /must have an object as options/],
      [{ task: 'a', options: { task_id: 5 } }, /must have a text as taskId, got 5/],
      [{ task: 'a', options: { link: [{ task: 7 }] } }, /task must be a name, got 7/],
      [{ task: 'a', options: { stamped_headers: 'x' } }, /must have a list of names as stampedHeaders/],
      [{ task: 'celery.chain', kwargs: {} }, /the tasks of celery.chain must be a list/],
      [{ task: 'celery.chord', kwargs: { header: [] } }, /a signature must be an object, got nothing/],
      [deep, /nested more than/],
    ] as const) {
      assert.throws(() => decodeSignature(value), { code: 'DECODE', message: problem })
    }
  })
})
