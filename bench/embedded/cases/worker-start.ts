import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { compare, type FigureOptions } from '../../lib/compare.ts'
import type { Case, Run } from '../../lib/suite.ts'
import { contestants } from '../contestants.ts'

const benchFolder = fileURLToPath(new URL('../..', import.meta.url))
const deadlineMs = 30_000

/** The package is built for this, because its users run the built one. */
export const workerStart: Case = {
  name: 'worker start to ready',
  async run(run) {
    build(run)
    const rows = []
    for (const [figure, argv, options] of starts) {
      const only = contestants(run, { celeriac: 1 }, async () => ({ [figure]: await msUntilReady(run, argv) }))
      rows.push(...(await compare(run, { [figure]: options }, only)))
    }
    return rows
  },
}

const starts: readonly (readonly [string, readonly string[], FigureOptions])[] = [
  ['node starts, for comparison', ['--eval', 'console.log("ready")'], { unit: 'ms' }],
  ['worker start to ready, script', [`${benchFolder}embedded/start-worker.mjs`], { unit: 'ms', lessThan: 300 }],
  [
    'worker start to ready, command line',
    [`${benchFolder}embedded/command-line.mjs`, '-A', `${benchFolder}embedded/start-app.ts`, 'worker', '-l', 'INFO'],
    { unit: 'ms', lessThan: 300 },
  ],
]

function build({ progress }: Run): void {
  progress('building the package into bench/dist')
  const compiler = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url))
  const { status, stdout } = spawnSync(
    process.execPath,
    [
      compiler,
      '-p',
      fileURLToPath(new URL('../../../tsconfig.build.json', import.meta.url)),
      '--outDir',
      `${benchFolder}dist`,
    ],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`the package could not be built:\n${stdout}`)
}

/** From the spawn to the line that says so. */
async function msUntilReady(run: Run, argv: readonly string[]): Promise<number> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [...argv], {
    cwd: await run.makeFolder(),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  })
  const ended = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs)
  let output = ''
  const readyAt = new Promise<number>((resolve, reject) => {
    const onData = (data: Buffer): void => {
      output += data.toString()
      if (/\bready\b/.test(output)) resolve(performance.now())
    }
    child.stdout.on('data', onData)
    child.stderr.on('data', onData)
    child.on('close', () => reject(new Error(`${argv.join(' ')} ended before it was ready:\n${output}`)))
  })
  try {
    return (await readyAt) - startedAt
  } finally {
    child.kill('SIGTERM')
    await ended
    clearTimeout(timer)
  }
}
