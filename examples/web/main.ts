// Starts the server and a worker, and then is its own client.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from '../../src/index.ts'
import { app, type Report } from './app.ts'
import { createReportServer } from './server.ts'

const worker = new Worker(app)
const running = worker.run()
const server = createReportServer().listen(0)
await once(server, 'listening')
const url = `http://localhost:${(server.address() as AddressInfo).port}`

const accepted = await fetch(`${url}/reports`, {
  method: 'POST',
  body: 'the quick brown fox jumps over a sleeping dog',
})
const { href } = (await accepted.json()) as { readonly href: string }
console.log(`POST /reports answered ${accepted.status}`)

interface Answer {
  readonly state: string
  readonly report?: Report
}
let answer: Answer
do {
  await pause(20)
  answer = (await (await fetch(url + href)).json()) as Answer
} while (answer.report === undefined && answer.state !== 'FAILURE')
console.log(`GET answered ${answer.state}: ${answer.report?.words} words, the longest is '${answer.report?.longest}'`)

server.close()
server.closeAllConnections()
worker.stop()
await running
await app.close()
