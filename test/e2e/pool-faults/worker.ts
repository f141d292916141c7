import { Worker } from '../../../src/index.ts'
import { app } from '../../contracts/pool-app/app.ts'

const pool = process.env['POOL_FAULTS_POOL'] === 'threads' ? 'threads' : 'processes'
const worker = new Worker(app, { pool, concurrency: 2 })
process.on('SIGTERM', () => worker.stop('warm'))
void worker.ready.then(() => process.send?.('ready'))
await worker.run()
await app.close()
process.disconnect()
