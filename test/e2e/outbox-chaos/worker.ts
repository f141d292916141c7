import { Worker } from '../../../src/index.ts'
import { app } from './app.ts'

await new Worker(app, { concurrency: 8 }).run()
