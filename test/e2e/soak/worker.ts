import { Worker } from '../../../src/index.ts'
import { app, place, source } from './app.ts'
import { answerWithFigures } from './figures.ts'

const worker = new Worker(app, { pool: place.pool, concurrency: place.concurrency })
process.on('SIGTERM', () => worker.stop('warm'))
// Whoever started it is gone.
process.on('disconnect', () => process.exit())
answerWithFigures()
void worker.ready.then(() => process.send?.('ready'))
await worker.run()
await app.close()
await source.destroy()
process.disconnect()
