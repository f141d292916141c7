import { Worker } from '../../../src/index.ts'
import { app, place } from './app.ts'

const worker = new Worker(app, { pool: place.pool, concurrency: place.concurrency })
process.on('SIGTERM', () => worker.stop('warm'))
// Whoever started it is gone.
process.on('disconnect', () => process.exit())
void worker.ready.then(() => process.send?.('ready'))
await worker.run()
await app.close()
process.disconnect()
