import { Worker } from '../../../src/index.ts'
import { app } from './app.ts'

const pool = process.env['TRACING_POOL'] as 'async' | 'threads' | 'processes'
const worker = new Worker(app, { pool, concurrency: 2, name: 'traced@test' })
process.on('SIGTERM', () => worker.stop('warm'))
process.once('disconnect', () => worker.stop('cold'))
void worker.ready.then(() => process.send?.('ready'))
await worker.run()
await app.close()
if (process.connected) process.disconnect()
