import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { describe, it } from 'node:test'
import { createLogger, withFields, type Logger, type LoggerOptions } from '../../src/util/logger.ts'

function record(options: LoggerOptions): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = []
  return { log: createLogger({ ...options, stream: { write: (text) => lines.push(text) } }), lines }
}

const succeeded = 'Task {taskName}[{taskId}] succeeded in {runtime}s: {result}'
const fields = { taskName: 'demo.add', taskId: 'f00', runtime: 0.0012, result: '5' }

describe('the pretty log', () => {
  it("looks like Celery's", () => {
    const { log, lines } = record({ pretty: true })
    log.info(fields, succeeded)
    assert.match(
      lines.join(''),
      /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: INFO\/MainProcess\] Task demo\.add\[f00\] succeeded in 0\.0012s: 5\n$/,
    )
  })

  it('begins lines of a task with its name and id, and ends with the other fields', () => {
    const { log, lines } = record({ pretty: true })
    withFields(log, { taskName: 'demo.add', taskId: 'f00' }).warn({ rows: 3, file: 'a b' }, 'half way')
    assert.match(lines.join(''), /WARNING\/MainProcess\] demo\.add\[f00\]: half way rows=3 file="a b"\n$/)
  })

  it('shows an error with its stack and its cause', () => {
    const { log, lines } = record({ pretty: true })
    log.error({ error: new Error('outer', { cause: new Error('inner') }) }, 'It failed')
    assert.match(lines.join(''), /It failed\nError: outer\n {4}at [^]*inner/)
  })

  it('shows the traceback of a remote error below the line that names the error', () => {
    const { log, lines } = record({ pretty: true })
    log.error({ error: 'KeyError("x")', traceback: 'Traceback:\n  at x\n' }, 'raised unexpected: {error}')
    assert.match(lines.join(''), /ERROR\/MainProcess\] raised unexpected: KeyError\("x"\)\nTraceback:\n {2}at x\n$/)
  })

  it('lets no value fake a line or steer the terminal', () => {
    const { log, lines } = record({ pretty: true })
    log.info({ ...fields, taskName: 'x\n[2026', result: '\u001b[31m' }, succeeded)
    assert.equal(lines.join('').split('\n').length, 2)
    assert.ok(!lines.join('').includes('\u001b'))
  })

  it('has colours only where asked', () => {
    const { log, lines } = record({ pretty: true, colour: true })
    log.error({}, 'red')
    assert.ok(lines.join('').startsWith('\u001b[31m['))
    assert.ok(lines.join('').endsWith('red\u001b[39m\n'))
  })
})

describe('the JSON log', () => {
  it('keeps message and fields apart, one object a line', () => {
    const { log, lines } = record({ pretty: false })
    log.info(fields, succeeded)
    log.error({ error: new Error('boom') }, 'It failed')
    const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.ok(first && second)
    assert.equal(first['msg'], succeeded)
    assert.equal(first['taskId'], 'f00')
    assert.partialDeepStrictEqual(second, { msg: 'It failed', error: { type: 'Error', message: 'boom' } })
  })
})

describe('a logger', () => {
  for (const pretty of [true, false]) {
    it(`leaves out what is below its level (${pretty ? 'pretty' : 'JSON'})`, () => {
      const { log, lines } = record({ pretty, level: 'warn' })
      log.debug({}, 'a')
      log.info({}, 'b')
      log.warn({}, 'c')
      assert.equal(lines.length, 1)
      assert.equal(log.isLevelEnabled?.('info'), false)
      assert.equal(log.isLevelEnabled('error'), true)
    })

    it(`may be silent (${pretty ? 'pretty' : 'JSON'})`, () => {
      const { log, lines } = record({ pretty, level: 'silent' })
      log.error({}, 'a')
      assert.deepEqual(lines, [])
    })
  }
})

it('the log of a program has the style that worker_log_style names', () => {
  const index = JSON.stringify(path.resolve('src/index.ts'))
  const linesIn = (style: string): string => {
    const program = `import { Celeriac } from ${index}
      const app = new Celeriac('log', { settings: { worker_log_style: '${style}' } })
      app.log.info({}, 'before')
      app.config
      app.log.info({ n: 1 }, 'number {n}')`
    return spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' }).stderr
  }
  assert.match(linesIn('pretty'), /INFO\/MainProcess\] number 1\n$/)
  assert.match(linesIn('json'), /"n":1,"msg":"number \{n\}"\}\n$/)
})
