// Retries, failures and dead letters. The log lines on standard error are the worker's.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Celeriac, TaskError, Worker } from '../../src/index.ts'
import { defineTasks } from './tasks.ts'

const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-dead-letters-'))
const url = `sqlite:${path.join(folder, 'queue.db')}`
const app = new Celeriac('mail', { broker: url })
const tasks = defineTasks(app)
const worker = new Worker(app)
const running = worker.run()

console.log('flaky:', await (await tasks.flaky.delay()).get({ timeout: '10s' }))

try {
  await (await tasks.hopeless.delay()).get({ timeout: '10s' })
} catch (error) {
  if (!(error instanceof TaskError)) throw error
  console.log('hopeless:', error.message)
}

// Two messages that cannot be run: one is refused by its task, the other names a task that is not deployed yet.
await tasks.picky.delay(-1)
const early = await app.send('mail.newsletter', ['ann'])
const broker = await app.openBroker()
while ((await broker.count('celery.dead')) < 2) await pause(10)
console.log(await celeriac('dead', 'list'))

// The new release has the task: its message is sent back and runs.
await early.forget()
app.task('mail.newsletter', (name: string) => `sent to ${name}`)
console.log(await celeriac('dead', 'redrive', 'celery', early.id))
console.log('newsletter:', await early.get({ timeout: '10s' }))

worker.stop()
await running
await app.close()
await rm(folder, { recursive: true })

/** The command line, in a process of its own. */
async function celeriac(...args: string[]): Promise<string> {
  const bin = path.join(import.meta.dirname, '../../bin/celeriac.mjs')
  const { stdout } = await promisify(execFile)(process.execPath, [bin, '-b', url, ...args])
  return stdout.trim()
}
