import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { pythonPeer } from '../../test/services.ts'
import { Child } from '../lib/child.ts'
import { compare, type Contestant, type Figures } from '../lib/compare.ts'
import { flushRedis } from '../lib/flush-redis.ts'
import type { Case, Run } from '../lib/suite.ts'
import type { Measured, Workflow } from './workflow.ts'

const script = new URL('./process.ts', import.meta.url)
const pythonFolder = new URL('./python/', import.meta.url)
const deadlineMs = 480_000
const execute = promisify(execFile)

/** Bytes of the bodies of all messages, time of the call, and time until the result is there. `isOurs`: by ourselves. */
export function workflow(name: string, what: Workflow, { isOurs = false }: { readonly isOurs?: boolean } = {}): Case {
  const [bytes, publish, done] = [`${name}: messages`, `${name}: call`, `${name}: result`]
  return {
    name,
    async run(run) {
      const python = isOurs ? undefined : await findPython(run)
      const figures = { [bytes]: { unit: 'kB' }, [publish]: { unit: 'ms' }, [done]: { unit: 's' } }
      const named = (measured: Measured | undefined): Figures<string> =>
        measured
          ? { [bytes]: measured.bytes / 1000, [publish]: measured.publishMs, [done]: measured.doneMs / 1000 }
          : {}
      const url = `redis://127.0.0.1:${run.redisPort}/0`
      const contestants: Contestant<string>[] = [
        { peer: 'celeriac', role: 'ours', measure: async () => named(await ours(run, url, what)) },
      ]
      if (python !== undefined)
        contestants.push({
          peer: 'celery',
          role: 'peer',
          measure: async () => named(await celery(run, url, what, python)),
        })
      return run.redisPort === undefined ? [] : compare(run, figures, contestants)
    },
  }
}

async function ours(run: Run, url: string, what: Workflow): Promise<Measured> {
  await flushRedis(run.redisPort as number)
  await using worker = await Child.start('worker', script, { role: 'worker', url })
  await using producer = await Child.start('producer', script, { role: 'producer', url })
  await producer.call('run', { form: 'chain', count: 2 } satisfies Workflow)
  const before = await worker.call<number>('bytes')
  const times = await producer.call<Omit<Measured, 'bytes'>>('run', what)
  const measured = { ...times, bytes: (await worker.call<number>('bytes')) - before }
  await producer.call('close')
  await worker.call('close')
  return measured
}

/** A program and a worker with its default pool, a process for each core. Undefined: it was not done within minutes. */
async function celery(run: Run, url: string, { form, count }: Workflow, python: string): Promise<Measured | undefined> {
  await flushRedis(run.redisPort as number)
  const options = {
    cwd: pythonFolder,
    timeout: deadlineMs,
    env: {
      ...process.env,
      BENCH_REDIS_URL: url,
      C_FORCE_ROOT: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONWARNINGS: 'ignore',
    },
  }
  try {
    const { stdout } = await execute(python, ['canvas_app.py', form, String(count)], options)
    return JSON.parse(stdout) as Measured
  } catch (error) {
    run.progress(`Celery did not finish: ${(error as Error).message.trim().split('\n').at(-1)}`)
    return undefined
  }
}

async function findPython(run: Run): Promise<string | undefined> {
  if (run.peers && !run.peers.has('celery')) return undefined
  const peer = await pythonPeer()
  if ('python' in peer) return peer.python
  run.progress(`without Python's Celery: ${peer.missing}`)
  return undefined
}
