// A user's own worker script on the built package.
import { Celeriac, Worker } from '../dist/dist/index.js'

const app = new Celeriac('bench', { broker: process.env['BENCH_BROKER'] })
app.task('bench.add', (a, b) => a + b)

const worker = new Worker(app)
const stop = new AbortController()
process.on('SIGTERM', () => stop.abort())
void worker.ready.then(() => console.log('ready'))
await worker.run(stop.signal)
await app.close()
