// What a thread or process of a pool runs. Compiled code is kept between runs: each start after the first is faster.
process.getBuiltinModule('node:module').enableCompileCache()
await import('./slot-main.ts')
