import { Celeriac } from '../dist/dist/index.js'

export const app = new Celeriac('bench', { broker: process.env['BENCH_BROKER'] ?? 'memory:' })

export const add = app.task('bench.add', (a: number, b: number) => a + b)
