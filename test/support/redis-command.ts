import { createClient } from '@redis/client'

/**
 * One command on a connection of its own, beside whatever is tested. Rejects with what the server says. A server whose
 * role changes cuts all its connections: the command is sent again then, so it should bear that.
 */
export async function redisCommand(url: string, ...args: readonly string[]): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    const client = createClient({ url, socket: { reconnectStrategy: false, rejectUnauthorized: false } as object })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return await client.sendCommand([...args])
    } catch (error) {
      if (attempt === 3 || !/ECONNRESET|closed unexpectedly/.test(String(error))) throw error
    } finally {
      client.destroy()
    }
  }
}

/** A line of INFO. */
export async function redisInfo(url: string, section: string, name: string): Promise<string | undefined> {
  const text = String(await redisCommand(url, 'INFO', section))
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(text)?.[1]
}
