import { Outbox } from '../../../src/outbox/outbox.ts'
import { app } from './app.ts'

await new Outbox(app).run(new AbortController().signal)
