// The worker process. The same from the command line: celeriac -A ./app.ts worker --drain
import { Worker } from '../../src/index.ts'
import { app } from './app.ts'

await new Worker(app, { drain: true }).run()
await app.close()
