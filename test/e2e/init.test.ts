import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Consumer } from './package-consumer.ts'

let consumer: Consumer

before(async () => {
  consumer = await Consumer.create()
  await consumer.link('typescript')
})

after(() => consumer[Symbol.asyncDispose]())

describe('what celeriac init writes', () => {
  it('runs its demo, type-checks, and is served by a worker of its own, without any server', async () => {
    const init = await consumer.celeriac(['init', 'my-app'])
    assert.equal(init.code, 0, init.err)

    const demo = await consumer.node(['demo.ts'], 'my-app')
    assert.equal(demo.code, 0, demo.out + demo.err)
    assert.match(demo.out, /^2 \+ 3 = 5$/m)
    assert.match(demo.out, /the last is 198$/m)
    assert.match(demo.out, /worked at attempt 3$/m)
    assert.match(demo.out, /^Request: /m)

    const types = await consumer.run(path.resolve('node_modules/.bin/tsc'), [], 'my-app')
    assert.equal(types.code, 0, types.out)

    const call = await consumer.celeriac(['-A', './app.ts', 'call', 'my-app.add', '-a', '[20, 22]'], 'my-app')
    assert.equal(call.code, 0, call.err)
    const worker = await consumer.celeriac(['-A', './app.ts', 'worker', '--drain', '-l', 'INFO'], 'my-app')
    assert.equal(worker.code, 0, worker.err)
    const result = await consumer.celeriac(['-A', './app.ts', 'result', call.out.trim()], 'my-app')
    assert.deepEqual(result, { code: 0, out: '42\n', err: '' })
  })
})
