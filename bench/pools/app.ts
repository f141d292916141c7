// The app of the benchmarks of pools; slots import it.
import { pbkdf2Sync } from 'node:crypto'
import { built } from './code.ts'

const { Celeriac } = await built<typeof import('../../src/index.ts')>('index.js')
const { createLogger } = await built<typeof import('../../src/util/logger.ts')>('util/logger.js')

export const app: InstanceType<typeof Celeriac> = new Celeriac('bench', {
  broker: 'memory:',
  backend: 'memory:',
  logger: createLogger({ level: 'warn', pretty: true }),
  settings: { worker_block_warning: null },
})

app.task('bench.add', (a: number, b: number, _text: string) => a + b)
app.task('bench.hash', (iterations: number) => pbkdf2Sync('password', 'salt', iterations, 32, 'sha512').length)
