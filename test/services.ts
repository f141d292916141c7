import { askKeeper, folderVariable, startKeeper } from './services/keeper-client.ts'

export { clusteredRedis, type ClusteredRedis } from './services/redis-cluster.ts'
export { replicatedRedis, type ReplicatedRedis } from './services/redis-failover.ts'
export { pythonPeer, type PythonPeer } from './services/python-peer.ts'
export {
  privateServer,
  service,
  skipIfMissing,
  type Missing,
  type PrivateServer,
  type Service,
} from './services/service.ts'
export { testDatabase } from './services/open-database.ts'
export type { TestDatabase } from './services/test-database.ts'

/** For `node --test --test-global-setup`: one keeper for the run. Servers start when a test file asks for them. */
export async function globalSetup(): Promise<void> {
  process.env[folderVariable] = await startKeeper()
}

/** Stops the servers, and says which tests did not run for want of one; under CI that is a failure. */
export async function globalTeardown(): Promise<void> {
  const folder = process.env[folderVariable]
  if (folder === undefined) return
  const reply = await askKeeper(folder, { action: 'finish' })
  const skipped = 'skippedServices' in reply ? Object.entries(reply.skippedServices) : []
  for (const [name, reason] of skipped) console.error(`\nSKIPPED, no tests with ${name}: ${reason}`)
  if (skipped.length > 0 && process.env['CI'] === 'true') process.exitCode = 1
}
