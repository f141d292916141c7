import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { Celeriac, chord, group, type AnyResult } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'
import { privateServer, skipIfMissing } from '../services.ts'
import {
  anyPlan,
  assertCourse,
  canvasTasks,
  expected,
  isThrough,
  labelled,
  workflowOf,
  type Plan,
} from '../support/random-canvas.ts'
import { until } from '../support/until.ts'

const workflows = 60
const kills = 6

/** Workers that are killed again and again while workflows of any shape run. */
async function survive(url: string, folder: string): Promise<void> {
  const runs = path.join(folder, 'runs.log')
  await writeFile(runs, '')
  await using app = new Celeriac('canvas', {
    broker: url,
    backend: url,
    logger: createLogger({ level: 'silent' }),
    settings: { task_celeriac_queues: ['*'] },
  })
  const early = app.signature<number>('random.early', [-1])
  const tasks = canvasTasks(
    app,
    () => undefined,
    () => Promise.resolve(),
  )
  const workers = new Set<ChildProcess>()
  const start = async (): Promise<void> => {
    const worker = fork(path.join(import.meta.dirname, 'canvas-faults/worker.ts'), [url, runs])
    workers.add(worker)
    await Promise.race([once(worker, 'message'), once(worker, 'exit')])
  }
  const kill = async (worker: ChildProcess): Promise<void> => {
    workers.delete(worker)
    const exited = once(worker, 'exit')
    worker.kill('SIGKILL')
    await exited
  }
  try {
    await Promise.all([start(), start()])
    const seed = Date.now()
    const plans = fc.sample(anyPlan, { seed, numRuns: workflows }).map((plan, at) => labelled(plan, at * 100))
    // Its worker is killed, and it must not run again.
    const cutOff = (await chord(group(early, early), tasks.step.s(-2) as never).delay()) as AnyResult
    await until('both began', () => readFileSync(runs, 'utf8').split('random.early').length === 3)
    const results: AnyResult[] = []
    for (const plan of plans) results.push((await workflowOf(plan, tasks).applyAsync([])) as AnyResult)
    const checked = Promise.all(plans.map((plan, index) => check(plan, results[index] as AnyResult, seed)))
    for (let count = 0; count < kills; count++) {
      await sleep(30 + Math.random() * 200)
      const [oldest] = workers
      if (oldest) await kill(oldest)
      await start()
    }
    await checked
    await assert.rejects(cutOff.get({ timeout: '30s' }), /ChordError/)
    const lines = (): string[] => readFileSync(runs, 'utf8').trim().split('\n')
    await until('all callbacks ran', () => isThrough(lines(), plans))
    assertCourse(lines(), plans, `seed ${seed}`)
    assert.equal(lines().filter((line) => line.startsWith('random.early')).length, 2)
    // A message is one task: a second one for it would be a first delivery as well.
    const first = lines().filter((line) => line.endsWith(' 1'))
    assert.equal(new Set(first).size, first.length, `seed ${seed}`)
  } finally {
    await Promise.all([...workers].map(kill))
  }
}

async function check(plan: Plan, result: AnyResult, seed: number): Promise<void> {
  const model = expected(plan)
  const where = `seed ${seed}, ${JSON.stringify(plan)}`
  if (model) assert.deepEqual(await result.get({ timeout: '60s' }), model.value, where)
  else await assert.rejects(result.get({ timeout: '60s' }), /as planned|ChordError/, where)
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-canvas-'))
  try {
    await body(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe('workflows whose workers are killed', () => {
  it('all end as the model says on a SQLite file, and no message is sent twice', () =>
    withFolder((folder) => survive(`sqlite:${path.join(folder, 'queue.db')}`, folder)))
})

const redis = await privateServer('redis')
describe('workflows whose workers on Redis are killed', { skip: skipIfMissing(redis) }, () => {
  it('all end as the model says, and no message is sent twice', () =>
    withFolder((folder) => survive('url' in redis ? redis.url : '', folder)))
})
