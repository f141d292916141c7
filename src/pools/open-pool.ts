import { AsyncPool, type AsyncPoolOptions } from './async-pool.ts'
import type { Pool } from './pool.ts'

/** The pool a worker runs its bodies in. */
export function openPool(options: AsyncPoolOptions): Pool {
  return new AsyncPool(options)
}
