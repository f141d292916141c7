import { chmod, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { findProgram } from './find-program.ts'
import type { KeeperReply, KeeperRequest } from './keeper-messages.ts'
import { mariadb } from './mariadb.ts'
import { postgres } from './postgres.ts'
import { rabbitmq } from './rabbitmq.ts'
import { redisSentinel } from './redis-sentinel.ts'
import { redisTls } from './redis-tls.ts'
import { redis } from './redis.ts'
import type { ServerKind, ServerSettings, ServiceName } from './server-kind.ts'
import { ServerProcess } from './server-process.ts'

/**
 * The process that owns the servers of one test run. Test files ask it over a socket in its folder; the first to ask for
 * a service starts it. When its standard input ends, so do the servers: whoever held the other end is gone.
 */
const kinds: Readonly<Record<ServiceName, ServerKind>> = {
  postgres,
  mysql: mariadb,
  redis,
  rediss: redisTls,
  sentinel: redisSentinel,
  amqp: rabbitmq,
}
const folder = process.argv[2] ?? ''
const servers = new Map<string, ServerProcess>()
const shared = new Map<ServiceName, Promise<KeeperReply>>()
const skipped = new Map<string, string>()
/** One installation at a time, and one set-up: they take all the disk there is. */
let lastStart: Promise<unknown> = Promise.resolve()

function start(name: ServiceName, settings: ServerSettings = {}): Promise<KeeperReply> {
  const started = lastStart.then(async () => {
    try {
      const kind = kinds[name]
      const id = `${name}-${servers.size}`
      const server = await ServerProcess.create(kind, await findProgram(kind), path.join(folder, id), settings)
      servers.set(id, server)
      return described(id, server, kind)
    } catch (error) {
      skipped.set(name, (error as Error).message)
      return { skipped: (error as Error).message }
    }
  })
  lastStart = started
  return started
}

function described(id: string, { pid, place }: ServerProcess, kind: ServerKind): KeeperReply {
  return { id, url: kind.url(place.port), folder: place.folder, ...(pid !== undefined && { pid }) }
}

function startShared(name: ServiceName): Promise<KeeperReply> {
  const url = process.env[kinds[name].variable]
  const reply = shared.get(name) ?? (url ? Promise.resolve({ id: name, url }) : start(name))
  shared.set(name, reply)
  return reply
}

async function again({ id, action }: Extract<KeeperRequest, { readonly id: string }>): Promise<KeeperReply> {
  const server = servers.get(id)
  const kind = kinds[id.split('-')[0] as ServiceName]
  if (!server) throw new Error(`no server ${id}`)
  if (action !== 'start') await server.stop()
  if (action !== 'stop') await server.start()
  return described(id, server, kind)
}

async function finish(): Promise<KeeperReply> {
  await lastStart
  await Promise.all([...servers.values()].map((server) => server.stop()))
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  return { skippedServices: Object.fromEntries(skipped) }
}

async function noteMissing(name: string, reason: string): Promise<KeeperReply> {
  skipped.set(name, reason)
  return { skipped: reason }
}

function answer(request: KeeperRequest): Promise<KeeperReply> {
  switch (request.action) {
    case 'shared':
      return startShared(request.name)
    case 'private':
      return start(request.name, request.settings)
    case 'missing':
      return noteMissing(request.name, request.reason)
    case 'finish':
      return finish()
    case 'start':
    case 'stop':
    case 'restart':
      return again(request)
  }
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const message = (await json(request)) as KeeperRequest
  let reply: KeeperReply
  try {
    reply = await answer(message)
  } catch (error) {
    reply = { failed: (error as Error).message }
  }
  response.end(JSON.stringify(reply), () => {
    if (message.action === 'finish') process.exit()
  })
}

await chmod(folder, 0o711)
createServer((request, response) => void handle(request, response)).listen(path.join(folder, 'keeper'), () => {
  process.stdout.write('listening\n')
})
process.stdin.resume().once('end', () => void finish().then(() => process.exit()))
