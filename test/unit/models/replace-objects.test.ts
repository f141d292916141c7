import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { replaceObjects } from '../../../src/app/model-tree.ts'
import { EncodeError } from '../../../src/errors.ts'

class Found {}

/** Replaces every Found by its path. */
function paths(value: unknown, root?: string): unknown {
  return replaceObjects(value, (object, path) => (object instanceof Found ? path() : object), root)
}

describe('replaceObjects', () => {
  it('names the place of what it replaces', () => {
    const value = { args: [1, [new Found()]], kwargs: { user: new Found(), 'odd key': [new Found()] } }
    assert.deepEqual(paths(value), {
      args: [1, ['$.args[1][0]']],
      kwargs: { user: '$.kwargs.user', 'odd key': ['$.kwargs.odd key[0]'] },
    })
    assert.equal(paths(new Found(), 'result'), 'result')
  })

  it('copies only what lies on the way, and changes nothing that it was given', () => {
    const untouched = { deep: [1] }
    const value = Object.freeze({ a: untouched, b: Object.freeze([new Found(), untouched]) })
    const replaced = paths(value) as typeof value
    assert.equal(replaced.a, untouched)
    assert.equal(replaced.b[1], untouched)
    assert.ok(value.b[0] instanceof Found)
  })

  it('does not look into dates, bytes, maps, sets or instances', () => {
    const value = [
      new Date(0),
      Buffer.from('x'),
      new Map([[1, new Found()]]),
      new Set([new Found()]),
      new (class A {})(),
    ]
    assert.equal(paths(value), value)
  })

  it('looks into objects without prototype', () => {
    const bare = Object.assign(Object.create(null) as object, { found: new Found() })
    assert.deepEqual({ ...(paths(bare) as object) }, { found: '$.found' })
  })

  it('refuses what is nested deeper than a message may be', () => {
    let value: unknown = 1
    for (let depth = 0; depth < 100_000; depth++) value = [value]
    assert.throws(
      () => paths(value, '$.args'),
      (error) => error instanceof EncodeError && /\$\.args is nested more than 512 levels deep/.test(error.message),
    )
  })

  it('takes a value that is named twice, but none that contains itself', () => {
    const twice = [new Found()]
    assert.deepEqual(paths([twice, twice]), [['$[0][0]'], ['$[1][0]']])
    const loop: unknown[] = []
    loop.push({ again: loop })
    assert.throws(
      () => paths({ loop }),
      (error) => error instanceof EncodeError && error.message.startsWith('$.loop[0].again'),
    )
  })
})
