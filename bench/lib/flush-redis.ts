import { once } from 'node:events'
import net from 'node:net'

/** Deletes all that a server on loopback holds. */
export async function flushRedis(port: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1')
  socket.setEncoding('utf8')
  socket.write('FLUSHALL\r\n')
  const [answer] = (await once(socket, 'data')) as [string]
  socket.destroy()
  if (!answer.startsWith('+OK')) throw new Error(`the server did not delete its keys: ${answer}`)
}
