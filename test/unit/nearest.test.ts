import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nearest } from '../../src/util/nearest.ts'

describe('the nearest name', () => {
  const names = ['task_acks_late', 'task_track_started', 'timezone']

  it('is the one with the fewest changes', () => {
    assert.equal(nearest('task_ack_late', names), 'task_acks_late')
    assert.equal(nearest('timzeone', names), 'timezone')
    assert.equal(nearest('TIMEZONE', names), 'timezone')
  })

  it('is none where all are far away', () => {
    assert.equal(nearest('colour', names), undefined)
    assert.equal(nearest('x', ['abc']), undefined)
  })
})
