import { once } from 'node:events'
import net from 'node:net'
import { Celeriac } from '../../src/index.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { warningsOnly } from '../peers/celeriac.ts'

/** Listens to events and looks at none: what is left of a monitor's costs are those of the worker and of the store. */
const { url } = startArgument<{ readonly url: string }>()
let heard = 0
const stop = url.startsWith('redis:') ? await drain(new URL(url)) : await listen()

/** Counts chunks of bytes: all that it does with them is to take them out of the socket. */
async function drain({ hostname, port }: URL): Promise<() => void> {
  const socket = net.connect({ host: hostname, port: Number(port) })
  socket.on('data', () => void heard++)
  socket.write('PSUBSCRIBE /0.celeryev/*\r\n')
  await once(socket, 'data')
  heard = 0
  return () => void socket.destroy()
}

/** Counts messages: a row is read from the file by who listens. */
async function listen(): Promise<() => Promise<void>> {
  const app = new Celeriac('listener', { broker: url, logger: warningsOnly })
  const broker = await app.openBroker()
  const listening = await broker.listen('events', () => void heard++)
  return async () => {
    await listening[Symbol.asyncDispose]()
    await app.close()
  }
}

serve({
  heard: (): number => heard,
  close: (): Promise<void> | void => stop(),
})
