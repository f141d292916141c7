import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const benchFolder = fileURLToPath(new URL('..', import.meta.url))

/** Brings the libraries that we are compared with into bench/node_modules, once for each version of the lockfile. */
export function installPeers(progress: (text: string) => void): void {
  const installed = modifiedAt('node_modules/.package-lock.json')
  if (installed !== undefined && installed >= (modifiedAt('package-lock.json') ?? 0)) return
  progress('installing the peers into bench/node_modules (npm ci --prefix bench) ...')
  const { status, error } = spawnSync('npm', ['ci', '--prefix', benchFolder, '--loglevel', 'error'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) {
    throw new Error('the peers could not be installed: see what npm says above, then run "npm ci --prefix bench"', {
      cause: error,
    })
  }
}

function modifiedAt(path: string): number | undefined {
  return statSync(`${benchFolder}${path}`, { throwIfNoEntry: false })?.mtimeMs
}
