import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

export const root: string = path.resolve(import.meta.dirname, '../..')
const modules = path.join(root, 'node_modules')

/** A fenced block of a document. */
export interface Snippet {
  /** From the root of the repository. */
  readonly file: string
  /** Of its first line of code, counted from 1. */
  readonly line: number
  /** `ts`, `sh`, … */
  readonly language: string
  /** `run`: complete, and run by the tests. */
  readonly flags: readonly string[]
  readonly code: string
}

/** The fenced blocks of a document, in order. */
export function snippetsOf(file: string): Snippet[] {
  const lines = read(file).split('\n')
  const snippets: Snippet[] = []
  for (let index = 0; index < lines.length; index++) {
    const [, language = '', rest = ''] = /^```(\S+) ?(.*)$/.exec(lines[index] ?? '') ?? []
    if (language === '') continue
    const end = lines.indexOf('```', index + 1)
    if (end === -1) throw new Error(`${file}:${index + 1} begins a block that does not end`)
    const code = lines.slice(index + 1, end).join('\n')
    snippets.push({ file, line: index + 2, language, flags: rest.split(' '), code })
    index = end
  }
  return snippets
}

/**
 * What the blocks of a page may take for granted: its comment `<!-- prelude`, one declaration a line. A line is left out
 * where the block itself declares that name.
 */
function preludeOf({ file, code }: Snippet): string {
  const match = /^<!-- prelude\n([\s\S]*?)\n-->$/m.exec(read(file))
  const lines = (match?.[1] ?? '').split('\n')
  return lines.filter((one) => !declares(code, nameIn(one))).join('\n')
}

function nameIn(declaration: string): string {
  return /(?:import (?:type )?\{ |const |class |function )(\w+)/.exec(declaration)?.[1] ?? ''
}

function declares(code: string, name: string): boolean {
  return new RegExp(
    `^(?:import .*\\b${name}\\b.* from|(?:export )?(?:const|class|function\\*?|async function\\*?) ${name}\\b)`,
    'm',
  ).test(code)
}

export function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8')
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface Written {
  readonly name: string
  readonly snippet: Snippet
  readonly prelude: string
}

/** A folder in which `celeriac` is this checkout, as a program would import it, with the snippets in files. */
export class SnippetFolder implements AsyncDisposable {
  readonly folder: string
  readonly #written: readonly Written[]

  private constructor(folder: string, written: readonly Written[]) {
    this.folder = folder
    this.#written = written
  }

  static async create(snippets: readonly Snippet[]): Promise<SnippetFolder> {
    const folder = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-docs-')))
    await linkModules(path.join(folder, 'node_modules'))
    await fs.writeFile(path.join(folder, 'package.json'), '{ "name": "docs", "type": "module" }')
    await fs.writeFile(
      path.join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, include: ['*.ts', '*.js'] }),
    )
    const written = snippets.map((snippet, index): Written => {
      const name = `${snippet.file.replaceAll(/\W/g, '-')}-${index}.${snippet.language}`
      return { name, snippet, prelude: snippet.flags.includes('run') ? '' : preludeOf(snippet) }
    })
    for (const { name, snippet, prelude } of written) {
      await fs.writeFile(path.join(folder, name), `${prelude}\n${snippet.code}\nexport {}\n`)
    }
    return new SnippetFolder(folder, written)
  }

  /** What tsc says, with the places in the documents. */
  async typeErrors(): Promise<Map<Snippet, string[]>> {
    const { out } = await run(path.join(modules, '.bin/tsc'), ['-p', this.folder, '--pretty', 'false'], this.folder)
    const errors = new Map<Snippet, string[]>()
    for (const line of out.split('\n')) {
      const [, name, row = '0', rest] = /^([^(\s]+)\((\d+),\d+\): error (.*)$/.exec(line) ?? []
      if (name === undefined) continue
      const written = this.#written.find((one) => one.name === name)
      if (!written) throw new Error(`tsc complains of what is no snippet: ${line}`)
      const { snippet } = written
      errors.set(snippet, [...(errors.get(snippet) ?? []), `${placeOf(written, Number(row))}: ${rest}`])
    }
    return errors
  }

  /** Runs a snippet in a folder of its own. */
  async run(snippet: Snippet): Promise<Ran> {
    const name = this.#written.find((one) => one.snippet === snippet)?.name ?? ''
    const cwd = await fs.mkdtemp(path.join(this.folder, 'run-'))
    return run(process.execPath, [path.join(this.folder, name)], cwd)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await fs.rm(this.folder, { recursive: true, force: true })
  }
}

const compilerOptions = {
  target: 'esnext',
  lib: ['es2024', 'esnext.disposable', 'esnext.error'],
  module: 'nodenext',
  types: ['node'],
  noEmit: true,
  skipLibCheck: true,
  allowJs: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  erasableSyntaxOnly: true,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
}

function placeOf({ snippet, prelude }: Written, row: number): string {
  const length = prelude.split('\n').length
  return row > length ? `${snippet.file}:${snippet.line + row - length - 1}` : `the prelude of ${snippet.file}`
}

/** Everything that is installed here, and this checkout as `celeriac`: its source where the package has its build. */
async function linkModules(target: string): Promise<void> {
  const own = path.join(target, 'celeriac')
  await fs.mkdir(own, { recursive: true })
  for (const name of await fs.readdir(modules)) {
    if (!name.startsWith('.') && name !== 'celeriac')
      await fs.symlink(path.join(modules, name), path.join(target, name))
  }
  const manifest = read('package.json').replaceAll(/"\.\/dist\/([\w/-]+)\.d\.ts"/g, '"./src/$1.ts"')
  await fs.writeFile(path.join(own, 'package.json'), manifest.replaceAll(/"\.\/dist\/([\w/-]+)\.js"/g, '"./src/$1.ts"'))
  await fs.symlink(path.join(root, 'src'), path.join(own, 'src'))
}

/** Runs a program to its end, without the settings of this one. Its failure is a code, not an exception. */
export function run(file: string, args: readonly string[], cwd: string): Promise<Ran> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(CELERY_|NODE_TEST_CONTEXT)/.test(name)),
  )
  const { promise, resolve } = Promise.withResolvers<Ran>()
  execFile(file, args, { cwd, env, timeout: 60_000 }, (error, out, err) => {
    const code = typeof error?.code === 'number' ? error.code : error ? 1 : 0
    resolve({ code, out, err: error?.killed ? `${err}\n(killed after 60 s)` : err })
  })
  return promise
}
