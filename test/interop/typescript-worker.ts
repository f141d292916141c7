// A worker in a process of its own, which the tests kill.
import { createClient } from '@redis/client'
import { Celeriac, Worker } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'
import { defineInteropTasks } from './interop-tasks.ts'

const { INTEROP_SETTINGS = '{}', INTEROP_NOTES = '' } = process.env
const [, , queue = '', who = 'child', concurrency = '2'] = process.argv

const notes = createClient({ url: INTEROP_NOTES })
await notes.connect()
const settings = JSON.parse(INTEROP_SETTINGS) as object
const app = new Celeriac('interop', { logger: createLogger({ level: 'silent' }), settings })
defineInteropTasks(app, async (key, text) => void (await notes.rPush(key, text)), who)
const worker = new Worker(app, { queues: [queue], name: `${who}@%h`, concurrency: Number(concurrency) })
void worker.ready.then(() => console.log('ready'))
await worker.run()
