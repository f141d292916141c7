import { existsSync } from 'node:fs'
import path from 'node:path'
import { initTemplates } from '../../src/cli/init-templates.ts'
import { read, root, type Snippet } from './docs-snippets.ts'

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>
}

const scripts = new Set(
  [read('package.json'), initTemplates['package.json'] ?? '{}'].flatMap((text) =>
    Object.keys((JSON.parse(text) as Manifest).scripts),
  ),
)

/** What other programs may be named in a block of shell commands. */
const foreign = new Set(['cd', 'git', 'sqlite3', 'docker', 'export', 'bash', 'nvm', 'celery'])

/** The commands of a block, in words; comments and prompts left out. */
export function commandsOf({ code }: Snippet): string[][] {
  const lines = code.replaceAll('\\\n', ' ').split('\n')
  return lines.flatMap((line) => {
    const text = line.replace(/^\$ /, '').replace(/(^|\s)#.*$/, '')
    return splitWords(text)
  })
}

/** Words, with quotes taken off, in commands that `&&`, `|` and `;` separate. */
function splitWords(line: string): string[][] {
  const commands: string[][] = [[]]
  for (const [, quoted, double, separator, word] of line.matchAll(
    /'([^']*)'|"([^"]*)"|(&&|\||;)|([^\s'"|;]+(?:'[^']*')?)/g,
  )) {
    if (separator !== undefined) commands.push([])
    else commands.at(-1)?.push((quoted ?? double ?? word ?? '').replaceAll("'", ''))
  }
  return commands.filter((words) => words.length > 0)
}

/** Why a command does not work as it is written; undefined if nothing is wrong with it. `helps` are those of celeriac's commands. */
export function commandProblem(words: readonly string[], helps: ReadonlyMap<string, string>): string | undefined {
  const [program = '', ...args] = words.filter((word, index) => index > 0 || !/^[A-Z_]+=/.test(word))
  if (/^[A-Z_]+=/.test(program)) return commandProblem(words.slice(1), helps)
  if (program === 'npx') return commandProblem(args, helps)
  if (program === 'npm') return npmProblem(args)
  if (program === 'node') return nodeProblem(args)
  if (program === 'celeriac') return celeriacProblem(args, helps)
  return foreign.has(program) ? undefined : `nobody knows the program ${program}`
}

function npmProblem([command = '', script = '']: readonly string[]): string | undefined {
  if (command === 'run') return scripts.has(script) ? undefined : `there is no script ${script}`
  return ['ci', 'install', 'test', 'pack'].includes(command) ? undefined : `npm ${command} is not expected here`
}

function nodeProblem(args: readonly string[]): string | undefined {
  const files = args.filter((word) => !word.startsWith('-') && word.includes('/'))
  return files.flatMap((file) => (existsSync(path.join(root, file)) ? [] : [`there is no file ${file}`]))[0]
}

function celeriacProblem(args: readonly string[], helps: ReadonlyMap<string, string>): string | undefined {
  const global = helps.get('') ?? ''
  let command = ''
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? ''
    if (word.startsWith('-')) {
      const option = optionIn(`${helps.get(command)}\n${global}`, word.replace(/=.*$/, ''))
      if (option === undefined) return `celeriac ${command} has no option ${word}`
      if (option.takesValue && args[index + 1]?.startsWith('-') === false) index++
    } else if (helps.has(`${command} ${word}`.trim())) command = `${command} ${word}`.trim()
    else if (command === '') return `celeriac has no command ${word}`
  }
  return undefined
}

function optionIn(help: string, flag: string): { readonly takesValue: boolean } | undefined {
  for (const line of help.split('\n')) {
    const [, flags = '', value] = /^ {2}((?:-\w, )?(?:--[\w-]+|-\w))( [<[][^ ]+)?/.exec(line) ?? []
    if (flags.split(', ').includes(flag)) return { takesValue: value !== undefined }
  }
  return undefined
}
