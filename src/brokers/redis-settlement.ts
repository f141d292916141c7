import type { Redis, RedisArgument } from '../drivers/open-redis.ts'
import type { RedisDelivery } from './redis-delivery.ts'
import type { RedisLease } from './redis-lease.ts'
import { type Push, recordEnding } from './redis-messages.ts'
import type { RedisNames } from './redis-names.ts'
import { settleScript } from './redis-settle-script.ts'
import { takeScript } from './redis-take-scripts.ts'

/** What becomes of a delivery, other than that it is done. */
export type Settlement =
  | { readonly kind: 'replace'; readonly delivery: RedisDelivery; readonly pushes: readonly Push[] }
  | { readonly kind: 'return'; readonly delivery: RedisDelivery }
  | { readonly kind: 'defer'; readonly delivery: RedisDelivery; readonly dueMs: number }

/** The keys and arguments of one run of `settleScript`, for deliveries of one lease. */
class Settling {
  readonly keys: string[]
  readonly args: RedisArgument[]
  readonly #names: RedisNames
  readonly #numbers = new Map<string, string>()

  constructor(names: RedisNames, leaseId: string, visibilityTimeoutMs: number) {
    this.#names = names
    this.keys = [names.unacked, names.unackedIndex, names.held(leaseId), names.epoch(leaseId)]
    this.args = [String(visibilityTimeoutMs / 1000)]
  }

  add(settlement: Settlement): void {
    const { loan } = settlement.delivery
    const names = this.#names
    switch (settlement.kind) {
      case 'replace':
        this.args.push('replace', loan.tag, String(settlement.pushes.length))
        for (const { queue, stepIndex, text } of settlement.pushes) {
          const channel = stepIndex === 0 ? '' : names.wakeChannel(queue)
          this.args.push(this.#number(names.list(queue, stepIndex)), channel, '1', text)
        }
        return
      case 'return': {
        const list = this.#number(names.list(loan.queue, loan.stepIndex))
        this.args.push('return', loan.tag, list, String(Buffer.byteLength(recordEnding(loan.queue))))
        return
      }
      case 'defer': {
        const delayed = this.#number(names.delayed(loan.queue))
        const { dueMs } = settlement
        this.args.push('defer', loan.tag, String(dueMs), delayed, String(loan.stepIndex))
        this.args.push(names.wakeChannel(loan.queue))
      }
    }
  }

  #number(key: string): string {
    let number = this.#numbers.get(key)
    if (number === undefined) this.#numbers.set(key, (number = String(this.keys.push(key))))
    return number
  }
}

/**
 * Carries out settlements, each as long as its message is still lent, and returns the tags that were lost. May be sent
 * again where it is in doubt.
 */
export async function settleAll(
  redis: Redis,
  names: RedisNames,
  settlements: readonly Settlement[],
  visibilityTimeoutMs: number,
): Promise<string[]> {
  const byLease = new Map<string, Settling>()
  for (const settlement of settlements) {
    const { lease } = settlement.delivery.loan
    if (lease.isLost) continue
    let settling = byLease.get(lease.id)
    if (!settling) byLease.set(lease.id, (settling = new Settling(names, lease.id, visibilityTimeoutMs)))
    settling.add(settlement)
  }
  const runs = [...byLease.values()].map(({ keys, args }) => redis.commands.run(settleScript, keys, args))
  return ((await Promise.all(runs)) as string[][]).flat()
}

/** Removes what is done, and returns the tags that were lost. May be sent again where it is in doubt. */
export async function acknowledgeAll(
  redis: Redis,
  names: RedisNames,
  deliveries: readonly RedisDelivery[],
): Promise<string[]> {
  const leases = new Set(deliveries.map(({ loan }) => loan.lease))
  const runs = [...leases].map(async (lease) => {
    if (lease.isLost) return []
    const keys = [names.unacked, names.unackedIndex, names.held(lease.id), names.epoch(lease.id)]
    const args: RedisArgument[] = ['', '0', lease.tagBeginning, '0', '0', '0', '0']
    pushNumbers(args, deliveries, lease)
    return ((await redis.commands.run(takeScript, keys, args)) as [string[]])[0]
  })
  return (await Promise.all(runs)).flat()
}

/** What `takeScript` is to acknowledge: the first and the last number of each row of neighbours among a lease's tags. */
export function pushNumbers(args: RedisArgument[], deliveries: readonly RedisDelivery[], lease: RedisLease): void {
  let first = 0
  let last = -1
  for (const { loan } of deliveries) {
    if (loan.lease !== lease) continue
    if (loan.number === last + 1) {
      last++
      continue
    }
    if (last >= first) args.push(String(first), String(last))
    first = last = loan.number
  }
  if (last >= first) args.push(String(first), String(last))
}
