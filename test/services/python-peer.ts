import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { reportMissing, type Missing } from './service.ts'

const run = promisify(execFile)
const requirements = [
  'celery[redis]==5.6.*',
  'Django==5.2.*',
  'msgpack',
  'PyYAML',
  'backports.zstd; python_version < "3.14"',
  'brotli',
  'flower==2.*',
  'opentelemetry-sdk',
  'opentelemetry-instrumentation-celery',
]

export interface PythonPeer {
  /** The interpreter of a virtual environment with Celery, kombu and Django. */
  readonly python: string
}

let peer: Promise<PythonPeer | Missing> | undefined

/** Celery, kombu and Django as they are on PyPI, installed once per machine into the user's cache folder. */
export function pythonPeer(): Promise<PythonPeer | Missing> {
  peer ??= find()
  return peer
}

async function find(): Promise<PythonPeer | Missing> {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache')
  const version = createHash('sha256').update(requirements.join()).digest('hex').slice(0, 12)
  const folder = path.join(cache, 'celeriac-tests', `python-${version}`)
  try {
    if (!(await exists(folder))) await build(folder)
    return { python: path.join(folder, 'venv', 'bin', 'python') }
  } catch (error) {
    const { message, stderr = '' } = error as Error & { readonly stderr?: string }
    const reason = `no virtual environment with ${requirements.join(', ')}: ${stderr.slice(-500) || message}`
    return reportMissing('python', reason)
  }
}

/** Built beside its place and moved there when whole: another run may build it too. Its interpreter is called by path only. */
async function build(folder: string): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true })
  const draft = await mkdtemp(`${folder}-`)
  try {
    await run('python3', ['-m', 'venv', path.join(draft, 'venv')])
    const python = path.join(draft, 'venv', 'bin', 'python')
    await run(python, ['-m', 'pip', 'install', '--quiet', ...requirements], { maxBuffer: 64 * 1024 * 1024 })
    await rename(draft, folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file)
    return true
  } catch {
    return false
  }
}
