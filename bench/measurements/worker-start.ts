import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Run } from '../lib/suite.ts'

const benchFolder = fileURLToPath(new URL('..', import.meta.url))
const here = `${benchFolder}measurements/`
const deadlineMs = 30_000

/** What can be started, and what node itself takes. */
export const starts = {
  node: ['--eval', 'console.log("ready")'],
  script: [`${here}start-worker.mjs`],
  'command line': [`${here}command-line.mjs`, '-A', `${here}start-app.ts`, 'worker', '-l', 'INFO'],
} as const satisfies Record<string, readonly string[]>

/** The package is built for this, because its users run the built one; it looks for its manifest where they have it. */
export function build({ progress }: Run): void {
  progress('building the package into bench/dist')
  const root = `${benchFolder}../`
  const packageFolder = `${benchFolder}dist/`
  const { status, stdout } = spawnSync(
    process.execPath,
    [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`, '--outDir', `${packageFolder}dist`],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`the package could not be built:\n${stdout}`)
  copyFileSync(`${root}package.json`, `${packageFolder}package.json`)
}

/** From the spawn of node to the line that says so, of a worker on this broker. */
export async function msUntilReady(run: Run, what: keyof typeof starts, broker: string): Promise<number> {
  const argv = starts[what]
  const startedAt = performance.now()
  const child = spawn(process.execPath, [...argv], {
    cwd: await run.makeFolder(),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', BENCH_BROKER: broker },
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
