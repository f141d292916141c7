import { setTimeout as sleep } from 'node:timers/promises'
import type { PrivateServer } from '../../services.ts'
import type { TcpProxy } from '../../support/tcp-proxy.ts'
import type { Ledger } from './ledger.ts'
import { end, type FaultSite } from './site.ts'

/** What may happen to a server and to the way to it; each is over when its promise is. */
function faultsOf(server: PrivateServer, proxy: TcpProxy): (() => Promise<unknown>)[] {
  const pause = (longestMs: number): Promise<void> => sleep(Math.random() * longestMs)
  return [
    async () => proxy.cut(),
    async () => proxy.cutWithinReply(Math.floor(Math.random() * 60)),
    async () => {
      proxy.freeze()
      await pause(2500)
      proxy.thaw({ forgets: true })
    },
    async () => {
      await proxy.refuse()
      await pause(2000)
      await proxy.accept()
    },
    async () => {
      await server.stop()
      await pause(1500)
      await server.start()
    },
    async () => {
      process.kill(server.pid, 'SIGSTOP')
      await pause(4000)
      process.kill(server.pid, 'SIGCONT')
    },
  ]
}

/** One fault after the other for some seconds. Three workers and a producer live through it: nothing may run twice. */
export async function failAtRandom(
  site: FaultSite,
  server: PrivateServer,
  proxy: TcpProxy,
  seconds: number,
): Promise<{ readonly faults: number; readonly ledger: Ledger }> {
  const workers = [site.startWorker(), site.startWorker(), site.startWorker()]
  const [producer] = await Promise.all([site.startProducer(), ...workers])
  const kinds = faultsOf(server, proxy)
  const until = performance.now() + seconds * 1000
  let faults = 0
  for (; performance.now() < until; faults++) {
    await sleep(300 + Math.random() * 1000)
    await kinds[Math.floor(Math.random() * kinds.length)]?.()
  }
  await end(producer, 'SIGKILL')
  return { faults, ledger: await site.settled() }
}
