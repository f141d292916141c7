import { AsyncPool, type AsyncPoolOptions } from './async-pool.ts'
import type { Pool } from './pool.ts'
import type { SlotPoolOptions } from './slot-pool.ts'

export type { SlotLog } from './slot-messages.ts'

export type PoolKind = 'async' | 'solo' | 'threads' | 'processes'

/** A pool in this event loop. `solo` is one of size 1. */
export function openAsyncPool(options: AsyncPoolOptions): Pool {
  return new AsyncPool(options)
}

/** A pool of children. They are started by `start`. */
export async function openSlotPool(
  kind: 'threads' | 'processes',
  options: Omit<SlotPoolOptions, 'name'>,
): Promise<Pool> {
  const { SlotPool } = await import('./slot-pool.ts')
  return kind === 'threads'
    ? new SlotPool((await import('./thread-slot.ts')).openThread, { ...options, name: 'thread' })
    : new SlotPool((await import('./process-slot.ts')).openProcess, { ...options, name: 'process' })
}
