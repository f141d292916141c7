import { Command } from 'commander'
import fs from 'node:fs/promises'
import path from 'node:path'
import { ImproperlyConfigured } from '../../errors.ts'
import { makeFolder } from '../../util/make-folder.ts'
import type { CommandRun } from '../command-run.ts'
import { packageVersion } from '../../util/own-files.ts'

const help = `
Writes a package.json, an app, a file of tasks and a demo that need no server. Files that exist are never overwritten.

Examples:
  celeriac init my-app && cd my-app && npm install && npm run demo
  celeriac init . --force                add what is missing to a folder that is not empty`

export function initCommand(run: CommandRun): Command {
  return new Command('init')
    .description('write a small app to start from')
    .argument('[folder]', 'where to; made if it does not exist', '.')
    .option('-f, --force', 'also into a folder that is not empty, next to what is there', false)
    .addHelpText('after', help)
    .action((folder: string, options: { readonly force: boolean }) => init(run, folder, options.force))
}

async function init(run: CommandRun, folder: string, force: boolean): Promise<void> {
  const target = path.resolve(folder)
  await makeFolder(target)
  const present = await fs.readdir(target)
  if (present.length > 0 && !force) {
    const some = `${present.slice(0, 3).join(', ')}${present.length > 3 ? ', …' : ''}`
    throw new ImproperlyConfigured(
      `${target} is not empty (${some}): name another folder, or add --force to keep what is there and write the rest`,
    )
  }
  const { initTemplates } = await import('../init-templates.ts')
  const name = appName(target)
  const written: string[] = []
  const kept: string[] = []
  for (const [file, template] of Object.entries(initTemplates)) {
    const text = template.replaceAll('NAME', name).replaceAll('VERSION', packageVersion())
    const isNew = await writeNew(path.join(target, file), text)
    const names = isNew ? written : kept
    names.push(file)
  }
  for (const file of kept) run.printer.note(`${file} is there already: kept as it is`)
  run.printer.result({ folder: target, name, written, kept }, nextSteps(folder, written))
}

function nextSteps(folder: string, written: readonly string[]): string {
  if (written.length === 0) return 'Nothing to write: every file is there.'
  const enter = path.resolve(folder) === process.cwd() ? '' : `cd ${folder} && `
  return `Wrote ${written.join(', ')}.\nNow: ${enter}npm install && npm run demo`
}

/** A name for package and tasks from that of the folder. */
function appName(target: string): string {
  const name = path
    .basename(target)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  return /^[a-z]/.test(name) ? name : `app${name === '' ? '' : `-${name}`}`
}

/** False, and nothing done, if the file exists. */
async function writeNew(file: string, text: string): Promise<boolean> {
  try {
    await fs.writeFile(file, text, { flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}
