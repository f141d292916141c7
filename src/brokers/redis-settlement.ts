import type { Redis, RedisArgument } from '../drivers/open-redis.ts'
import type { RedisDelivery } from './redis-delivery.ts'
import { type Push, recordEnding } from './redis-messages.ts'
import type { RedisNames } from './redis-names.ts'
import { settleScript, takeScript } from './redis-scripts.ts'

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
  const byLease = new Map<string, string[]>()
  for (const { loan } of deliveries) {
    const { id, isLost } = loan.lease
    if (isLost) continue
    const tags = byLease.get(id)
    if (tags) tags.push(loan.tag)
    else byLease.set(id, [loan.tag])
  }
  const runs = [...byLease].map(async ([id, tags]) => {
    const keys = [names.unacked, names.unackedIndex, names.held(id), names.epoch(id)]
    const reply = await redis.commands.run(takeScript, keys, [...takesNothing, ...tags])
    return (reply as [string[]])[0]
  })
  return (await Promise.all(runs)).flat()
}

const takesNothing: readonly string[] = ['', '0', '', '0', '0', '0', '0']
