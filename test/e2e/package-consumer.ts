import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = path.resolve(import.meta.dirname, '../..')
const modules = path.join(root, 'node_modules')
/** What goes into the package or is needed to build it. */
const sources = ['src', 'bin', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'README.md', 'LICENSE', '.npmrc']

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** A folder of its own with the packed and unpacked package in its node_modules, as `npm install` would leave it. */
export class Consumer implements AsyncDisposable {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  /** Packs a copy of the project, so that the checkout's `dist` stays as it is. No registry is asked. */
  static async create(): Promise<Consumer> {
    const base = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-package-')))
    const project = path.join(base, 'project')
    await fs.mkdir(project)
    for (const name of sources) {
      if (!existsSync(path.join(root, name))) continue
      await fs.cp(path.join(root, name), path.join(project, name), { recursive: true })
    }
    await fs.symlink(modules, path.join(project, 'node_modules'))
    const options = { cwd: project, env: environment() }
    await run('npm', ['pack', '--silent', '--pack-destination', base], options)
    const tarball = (await fs.readdir(base)).find((name) => name.endsWith('.tgz'))
    if (tarball === undefined) throw new Error(`npm pack left no tarball in ${base}`)
    const consumer = new Consumer(path.join(base, 'consumer'))
    await consumer.#install(path.join(base, tarball))
    await fs.rm(project, { recursive: true })
    return consumer
  }

  async #install(tarball: string): Promise<void> {
    const target = path.join(this.folder, 'node_modules/celeriac')
    await fs.mkdir(target, { recursive: true })
    await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
    const manifest = JSON.parse(await fs.readFile(path.join(target, 'package.json'), 'utf8')) as Manifest
    for (const name of [...Object.keys(manifest.dependencies), '@types/node']) await this.link(name)
    await this.write({ 'package.json': '{ "name": "consumer", "type": "module" }' })
    await fs.mkdir(path.join(this.folder, 'node_modules/.bin'))
    for (const [name, file] of Object.entries(manifest.bin)) {
      await fs.symlink(path.join('../celeriac', file), path.join(this.folder, 'node_modules/.bin', name))
    }
  }

  /** Makes a package of the project's own node_modules visible. */
  async link(name: string): Promise<void> {
    const target = path.join(this.folder, 'node_modules', name)
    await fs.mkdir(path.dirname(target), { recursive: true })
    await fs.symlink(path.join(modules, name), target)
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await fs.mkdir(path.dirname(path.join(this.folder, name)), { recursive: true })
      await fs.writeFile(path.join(this.folder, name), text)
    }
  }

  /** Runs a program in the consumer's folder, or in one below it, and waits for its end. */
  async run(file: string, args: readonly string[], cwd = '.', env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    const options = { cwd: path.join(this.folder, cwd), env: { ...environment(), ...env }, timeout: 60_000 }
    try {
      const { stdout, stderr } = await run(file, args, options)
      return { code: 0, out: stdout, err: stderr }
    } catch (error) {
      const failed = error as { readonly code: number | null; readonly stdout: string; readonly stderr: string }
      return { code: failed.code ?? -1, out: failed.stdout, err: failed.stderr }
    }
  }

  node(args: readonly string[], cwd = '.'): Promise<Ran> {
    return this.run(process.execPath, args, cwd)
  }

  /** The bin by its name, found and started as a shell would. */
  celeriac(args: readonly string[], cwd = '.'): Promise<Ran> {
    return this.run('celeriac', args, cwd, {
      PATH: `${path.join(this.folder, 'node_modules/.bin')}:${environment()['PATH']}`,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await fs.rm(path.dirname(this.folder), { recursive: true, force: true })
  }
}

export interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, unknown>>
}

/** This process's environment with its own Node first, and without what a test runner or npm adds for its children. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|NODE_TEST_CONTEXT|NODE_OPTIONS|CELERY_)/.test(name),
  )
  return { ...Object.fromEntries(kept), PATH: `${path.dirname(process.execPath)}:${process.env['PATH']}` }
}
