import { randomUUID } from 'node:crypto'
import { describe } from 'node:test'
import type { BackendOptions } from '../../src/backends/backend.ts'
import { openBackend } from '../../src/backends/open-backend.ts'
import { openRedis, parseRedisOptions } from '../../src/drivers/open-redis.ts'
import { service, skipIfMissing } from '../services.ts'
import { describeBackend } from './backend-contract.ts'

const redis = await service('redis')
const url = 'url' in redis ? redis.url : ''
const slow = 'gives a chord of which nothing was heard for long to one who asks, with what it misses'
const wide = 'msgpack has no dates, and no integers of more than 64 bits'
const unwritable = {
  'keeps dates, bytes and big integers': wide,
  'keeps name, arguments and worker only where it was opened for that': wide,
  'gives each part of a group its place, and all of them in order': wide,
}
const itself = 'Redis deletes what expired by itself, so that there is nothing to count'

function describeRedis(serializer: string): void {
  describeBackend(
    `Redis backend with results in ${serializer}`,
    async () => {
      const prefix = `celeriac-test:${randomUUID()}`
      const transportOptions = { globalKeyprefix: prefix }
      const options: BackendOptions = { expiresMs: 86_400_000, serializer, transportOptions }
      const backend = await openBackend(url, options)
      return {
        backend,
        dispose: async () => {
          await backend[Symbol.asyncDispose]()
          await deleteAll(prefix)
        },
        reopen: async (changed = {}) => await openBackend(url, { ...options, ...changed }),
      }
    },
    {
      skip: {
        'knows nothing of a result that expired, before and after it is deleted': itself,
        'deletes thousands that expired and leaves the others': itself,
        'deletes the parts of groups that expired': itself,
        ...(serializer !== 'json' && { [slow]: 'none of it is written by the serializer' }),
        ...(serializer === 'msgpack' && unwritable),
      },
    },
  )
}

describe('Redis', { skip: skipIfMissing(redis) }, () => {
  for (const serializer of ['json', 'msgpack', 'yaml']) describeRedis(serializer)
})

async function deleteAll(prefix: string): Promise<void> {
  await using opened = await openRedis(url, parseRedisOptions({}, 'a test'))
  let cursor = '0'
  do {
    const reply = (await opened.commands.send(['SCAN', cursor, 'MATCH', `${prefix}*`, 'COUNT', '5000'])) as [
      string,
      string[],
    ]
    cursor = reply[0]
    if (reply[1].length > 0) await opened.commands.send(['UNLINK', ...reply[1]])
  } while (cursor !== '0')
}
