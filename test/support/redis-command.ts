import { createClient } from '@redis/client'

/** One command on a connection of its own, beside whatever is tested. Rejects with what the server says. */
export async function redisCommand(url: string, ...args: readonly string[]): Promise<unknown> {
  const client = createClient({ url, socket: { reconnectStrategy: false, rejectUnauthorized: false } as object })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await client.sendCommand([...args])
  } finally {
    client.destroy()
  }
}

/** A line of INFO. */
export async function redisInfo(url: string, section: string, name: string): Promise<string | undefined> {
  const text = String(await redisCommand(url, 'INFO', section))
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(text)?.[1]
}
