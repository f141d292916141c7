import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Celeriac, type Explanation } from '../../src/index.ts'
import { runCommandLine, type CommandLineRun } from '../support/command-line.ts'

const url = `memory:cli-explain-${process.pid}`

const env = { CELERY_BROKER_URL: url, CELERY_RESULT_BACKEND: url }

function explain(...args: readonly string[]): Promise<CommandLineRun> {
  return runCommandLine(['explain', '--timeout', '50ms', ...args], env)
}

describe('celeriac explain', () => {
  const app = new Celeriac('explained', { broker: url, backend: url })
  before(() => app.openBroker())
  after(() => app.close())

  it('says why a task waits, for people and as JSON', async () => {
    const { id } = await app.send('shop.mail', [], { queue: 'mail' })
    const people = await explain(id)
    assert.equal(people.code, 0)
    assert.equal(
      people.out,
      `shop.mail[${id}]: no consumer\n` +
        '  It waits in queue mail, as the next, and no worker that answered takes from that queue.\n' +
        '  No worker answered: none runs, or one whose event loop is blocked does not answer.\n' +
        '  Start one with -Q mail.\n',
    )
    const programs = await explain(id, '--json')
    const explanation = JSON.parse(programs.out) as Explanation
    assert.deepEqual(explanation.reason, { kind: 'noConsumer', ahead: 0, answered: [] })
    assert.deepEqual([explanation.taskId, explanation.taskName, explanation.queue], [id, 'shop.mail', 'mail'])
  })

  it('exits with 1 when nothing is known, and says what that may mean', async () => {
    const { code, out } = await explain('no-such-task')
    assert.equal(code, 1)
    assert.match(out, /^task\[no-such-task\]: unknown\n {2}Nothing is known of it[^]*another broker[^]*result_expires/)
  })

  it('does not say that there is no result where none can be looked up, but how to name the backend', async () => {
    const { code, out } = await runCommandLine(['explain', '--timeout', '50ms', 'over'], {
      CELERY_BROKER_URL: url,
      CELERY_RESULT_BACKEND: 'disabled://',
    })
    assert.equal(code, 1)
    assert.match(out, /no message in any queue, and no worker has it\.\n {2}It may be over[^]*--result-backend/)
  })

  it('cannot be steered by what a message says', async () => {
    const { id } = await app.send('evil\u001b[2Jname', [], { queue: 'evil\u0007queue' })
    const { out } = await explain(id)
    assert.ok(!out.includes('\u001b') && !out.includes('\u0007'), JSON.stringify(out))
  })

  it('refuses an empty id', async () => {
    const { code, err } = await explain('')
    assert.notEqual(code, 0)
    assert.match(err, /explain needs the id of a task, got an empty text/)
  })
})
