import type { Broker } from '../brokers/broker.ts'
import type { Config } from '../app/config.ts'
import { configuredQueues } from '../app/configured-queues.ts'

const deadSuffix = '.dead'

/** Queues of the settings and those that hold messages or dead letters, where the broker knows. */
export async function knownQueues(broker: Broker, config: Config): Promise<string[]> {
  const held = (await broker.queues?.()) ?? []
  const names = held.map((name) => (name.endsWith(deadSuffix) ? name.slice(0, -deadSuffix.length) : name))
  return [...new Set([...configuredQueues(config), ...names.toSorted()])]
}
