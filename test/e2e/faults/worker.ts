import { Worker } from '../../../src/index.ts'
import { app } from './app.ts'

const worker = new Worker(app, { concurrency: Number(process.env['FAULTS_CONCURRENCY'] ?? 8) })
process.on('SIGTERM', () => worker.stop('warm'))
void worker.ready.then(() => process.send?.('ready'))
await worker.run()
await app.close()
process.disconnect()
