import { execFile } from 'node:child_process'
import fs from 'node:fs/promises'
import path from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { settingsByName, type NamedSetting } from '../../src/app/config-names.ts'

/** Parts of the documents that are written from the code, between `<!-- begin NAME -->` and `<!-- end NAME -->`. */
const parts = [
  { file: 'configuration.md', name: 'settings', write: settingsTable },
  { file: 'cli.md', name: 'commands', write: commandHelps },
] as const

const root = path.resolve(import.meta.dirname, '../..')

/** The text that each document with generated parts should have. */
export async function generatedDocuments(): Promise<{ file: string; is: string; shouldBe: string }[]> {
  return Promise.all(
    parts.map(async ({ file, name, write }) => {
      const target = path.join(root, 'docs', file)
      const is = await fs.readFile(target, 'utf8')
      return { file: target, is, shouldBe: replacePart(is, name, await write(), file) }
    }),
  )
}

function replacePart(text: string, name: string, part: string, file: string): string {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`]
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from === -1 || to < from) throw new Error(`docs/${file} must hold ${begin} and, after it, ${end}`)
  return `${text.slice(0, from + begin.length)}\n${part}\n${text.slice(to)}`
}

function settingsTable(): string {
  const settings = [...settingsByName.values()]
  const lines = ['| setting | default | what it does |', '|---|---|---|']
  for (const entry of settings) {
    const { kind, doc, default: standard } = entry.setting
    lines.push(`| \`${entry.name}\` | ${code(shownDefault(entry, standard))} | ${cell(doc)} *${cell(kind.expects)}* |`)
  }
  return lines.join('\n')
}

function shownDefault({ setting }: NamedSetting, value: unknown): string {
  if (value === undefined) return ''
  if (setting.kind.isDuration && typeof value === 'number') return durationText(value)
  return JSON.stringify(value)
}

function durationText(ms: number): string {
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `'${ms / size}${unit}'`
  }
  return `'${ms}ms'`
}

function code(text: string): string {
  return text === '' ? 'unset' : `\`${text.replaceAll("'", '"')}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*')
}

async function commandHelps(): Promise<string> {
  const helps = await helpsFrom('')
  return helps.map(({ command, help }) => `## ${title(command)}\n\n\`\`\`text\n${help}\n\`\`\``).join('\n\n')
}

interface CommandHelp {
  readonly command: string
  readonly help: string
}

/** A command, which is '' for the program itself, and those below it, as its help names them. */
async function helpsFrom(command: string): Promise<readonly CommandHelp[]> {
  const help = await helpOf(command)
  const [, list = ''] = /^Commands:\n((?: .*\n?)+)/m.exec(help) ?? []
  const names = Array.from(list.matchAll(/^ {2}(\w+)/gm), ([, name = '']) => name).filter((name) => name !== 'help')
  const below = await Promise.all(names.map((name) => helpsFrom(`${command} ${name}`.trim())))
  return [{ command, help }, ...below.flat()]
}

function title(command: string): string {
  return `celeriac${command === '' ? '' : ` ${command}`}`
}

/** From a process of its own, because a terminal would fold the lines by its width. */
async function helpOf(command: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [path.join(root, 'bin/celeriac.mjs'), ...command.split(' ').filter((word) => word !== ''), '--help'],
    { cwd: root },
  )
  return stdout.trim()
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
  const stale = (await generatedDocuments()).filter(({ is, shouldBe }) => is !== shouldBe)
  for (const { file, shouldBe } of stale) {
    console.log(`${path.relative(root, file)} ${values.check ? 'is not current' : 'written'}`)
    if (!values.check) await fs.writeFile(file, shouldBe)
  }
  if (stale.length > 0 && values.check) process.exitCode = 1
}
