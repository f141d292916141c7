import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { askOn } from '../../../src/cli/terminal.ts'

describe('a question on the terminal', () => {
  for (const [keys, answer] of [
    ['yes\r', 'yes'],
    ['\r', ''],
    ['ye\u0003', ''],
    ['\u0004', ''],
  ] as const) {
    it(`is answered with ${JSON.stringify(answer)} by ${JSON.stringify(keys)}`, async () => {
      const input = new PassThrough()
      const answered = askOn({ input, output: new PassThrough().resume() }, 'Delete? ')
      input.write(keys)
      assert.equal(await answered, answer)
    })
  }
})
