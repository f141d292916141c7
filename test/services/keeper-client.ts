import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import type { KeeperReply, KeeperRequest } from './keeper-messages.ts'

/** Where the keeper of this run is, for the test processes. */
export const folderVariable = 'CELERIAC_TEST_SERVICES'

/** Starts a keeper that lives no longer than this process. Its folder. */
export async function startKeeper(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'celeriac-services-'))
  const keeper = spawn(process.execPath, [path.join(import.meta.dirname, 'keeper.ts'), folder], {
    detached: true,
    env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  await Promise.race([
    once(keeper.stdout, 'data'),
    once(keeper, 'exit').then(([code]) => {
      throw new Error(`the keeper of the test services ended (${code}); run it: node test/services/keeper.ts <folder>`)
    }),
  ])
  letGo(keeper)
  return folder
}

/** Its standard input stays open, and ends with this process, however that ends. */
function letGo(keeper: ChildProcess): void {
  keeper.stdout?.destroy()
  ;(keeper.stdin as Socket).unref()
  keeper.unref()
}

export async function askKeeper(folder: string, message: KeeperRequest): Promise<KeeperReply> {
  const request = httpRequest({ socketPath: path.join(folder, 'keeper'), method: 'POST', agent: false })
  request.end(JSON.stringify(message))
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const reply = (await json(response)) as KeeperReply
  if ('failed' in reply) throw new Error(`test services: ${reply.failed}`)
  return reply
}
