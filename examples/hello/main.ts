// The producer: calls a task, starts a worker process for it, and prints the answer.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-hello-'))
process.chdir(folder)
const { app, greet } = await import('./app.ts')

const result = await greet.delay('Ann')
console.log(`Called as ${result.id}, by process ${process.pid}`)

const worker = fork(path.join(import.meta.dirname, 'worker.ts'), { silent: true })
const ended = once(worker, 'exit')
console.log(await result.get({ timeout: '30s' }))

const [code] = await ended
console.log(`The worker had nothing more to do and ended with ${code}`)
await app.close()
await rm(folder, { recursive: true })
