import type { Broker } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { service } from '../services.ts'
import { describeBroker, type OpenedBroker } from './broker-contract.ts'

const redis = await service('redis')
let stores = 0

if ('url' in redis) {
  const open = async (): Promise<OpenedBroker> => {
    const transportOptions = { global_keyprefix: `broker-${process.pid}-${stores++}:` }
    const reopen = (): Promise<Broker> => openBroker(redis.url, { transportOptions })
    const broker = await reopen()
    return { broker, dispose: async () => broker[Symbol.asyncDispose](), reopen }
  }
  describeBroker('redis broker', open, {
    skip: {
      'treats a message without priority as one of priority 0':
        'without priority it goes to the list of the first step, as Celery’s do, which is taken from first',
      'delivers from several queues by priority, then first come':
        'each queue is a list, and nothing tells which of two lists has the older message',
    },
  })
}
