import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { ServerKind } from './server-kind.ts'

const run = promisify(execFile)

/** The program in the known folders or on PATH; on Debian as root it is installed when missing. Throws with the reason. */
export async function findProgram(kind: ServerKind): Promise<string> {
  const found = await find(kind)
  if (found) return found
  await install(kind)
  const installed = await find(kind)
  if (installed) return installed
  throw new Error(`${kind.debianPackage} was installed, but there is no ${kind.program}`)
}

async function find({ folders, program }: ServerKind): Promise<string | undefined> {
  const onPath = process.env['PATH']?.split(path.delimiter) ?? []
  for (const pattern of [...folders, ...onPath]) {
    const matches = globSync(path.join(pattern, program))
    for (const file of matches.toSorted().toReversed()) {
      if (await isExecutable(file)) return file
    }
  }
  return undefined
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The package's own service must not start: invoke-rc.d asks policy-rc.d, which is ours unless the machine has one. */
const script = `
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > $policy
  chmod +x $policy
fi
install() { apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$1" </dev/null; }
install "$1" || { apt-get update; install "$1"; }
`

async function install({ debianPackage, program, variable }: ServerKind): Promise<void> {
  const otherwise = `install ${program}, or set ${variable} to the URL of a server for tests`
  if (process.getuid?.() !== 0 || !(await isExecutable('/usr/bin/apt-get'))) {
    throw new Error(`no ${program} on this machine, and no Debian root to install ${debianPackage}: ${otherwise}`)
  }
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    await run('/bin/sh', ['-c', script, 'install', debianPackage], { env, maxBuffer: 64 * 1024 * 1024 })
  } catch (error) {
    const { stderr = '' } = error as { readonly stderr?: string }
    throw new Error(`apt-get could not install ${debianPackage}: ${stderr.trim().slice(-300)}; ${otherwise}`, {
      cause: error,
    })
  }
}
