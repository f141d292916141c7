import assert from 'node:assert/strict'
import { existsSync, globSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { generatedDocuments } from './docs-generated.ts'
import { commandProblem, commandsOf } from './docs-commands.ts'
import { read, root, SnippetFolder, snippetsOf } from './docs-snippets.ts'

const pages = globSync(['*.md', 'docs/*.md', 'examples/**/*.md'], {
  cwd: root,
  exclude: ['**/node_modules/**'],
}).toSorted()
const snippets = pages.flatMap((page) => snippetsOf(page))
const code = snippets.filter(({ language }) => language === 'ts' || language === 'js')

let folder: SnippetFolder
let typeErrors: Awaited<ReturnType<SnippetFolder['typeErrors']>>

before(async () => {
  folder = await SnippetFolder.create(code)
  typeErrors = await folder.typeErrors()
})

after(() => folder[Symbol.asyncDispose]())

describe('code in the documents', () => {
  for (const snippet of code) {
    const place = `${snippet.file}:${snippet.line}`
    it(`${place} has the types it should have`, () => {
      assert.deepEqual(typeErrors.get(snippet) ?? [], [])
    })
    if (!snippet.flags.includes('run')) continue
    it(`${place} runs and prints what it says`, async () => {
      const { code: exitCode, out, err } = await folder.run(snippet)
      assert.equal(exitCode, 0, out + err)
      const expected = Array.from(snippet.code.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm), ([, text]) => text)
      assert.deepEqual(out.trim().split('\n'), expected, err)
    })
  }

  it('is there, some of it to run', () => {
    assert.ok(code.length > 10)
    assert.ok(code.some(({ flags }) => flags.includes('run')))
  })
})

describe('commands in the documents', () => {
  const helps = new Map(
    Array.from(
      read('docs/cli.md').matchAll(/^## celeriac ?(.*)\n\n```text\n([\s\S]*?)\n```/gm),
      ([, command, help]) => [command ?? '', help ?? ''],
    ),
  )

  for (const snippet of snippets.filter(({ language }) => language === 'sh')) {
    it(`${snippet.file}:${snippet.line} name what exists`, () => {
      const problems = commandsOf(snippet).map((words) => commandProblem(words, helps))
      assert.deepEqual(
        problems.filter((problem) => problem !== undefined),
        [],
      )
    })
  }

  it('are known to celeriac in every form that the pages use', () => {
    assert.equal(commandProblem(['celeriac', '-A', './app.ts', 'worker', '-l', 'INFO'], helps), undefined)
    assert.equal(commandProblem(['celeriac', 'dead', 'list', 'mail', '--json'], helps), undefined)
    assert.match(commandProblem(['celeriac', 'worker', '--nope'], helps) ?? '', /no option --nope/)
    assert.match(commandProblem(['npx', 'celeriac', 'beat'], helps) ?? '', /no command beat/)
    assert.match(commandProblem(['npm', 'run', 'nope'], helps) ?? '', /no script nope/)
  })
})

describe('the tests that docs/guarantees.md names', () => {
  for (const snippet of snippetsOf('docs/guarantees.md').filter(({ language }) => language === 'sh')) {
    it(`${snippet.file}:${snippet.line} exist`, () => {
      for (const words of commandsOf(snippet)) {
        const sources = words
          .filter((word) => word.endsWith('.test.ts'))
          .flatMap((file) => [...withImports(file).values()])
        assert.ok(sources.length > 0, `no test file: ${words.join(' ')}`)
        for (const pattern of words.flatMap((word) => /^--test-name-pattern=(.*)$/.exec(word)?.slice(1) ?? [])) {
          const isDefined = sources.some((text) => text.includes(pattern))
          assert.ok(isDefined, `no test has '${pattern}' in its name: ${words.join(' ')}`)
        }
      }
    })
  }
})

describe('links in the documents', () => {
  for (const page of pages) {
    it(`${page} leads to what exists`, () => {
      const text = read(page).replaceAll(/^```[\s\S]*?^```$/gm, '')
      const targets = Array.from(
        text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g),
        ([, file = '', anchor]) => ({
          file: file === '' ? page : path.join(path.dirname(page), file),
          anchor,
        }),
      )
      for (const { file, anchor } of targets) {
        assert.ok(existsSync(path.join(root, file)), `${page} links to ${file}`)
        if (anchor !== undefined) assert.ok(anchorsOf(file).includes(anchor), `${page} links to ${file}#${anchor}`)
      }
    })
  }
})

describe('tables in the documents', () => {
  it('that are written from the code are current: node test/e2e/docs-generated.ts writes them', async () => {
    for (const { file, is, shouldBe } of await generatedDocuments()) assert.equal(is, shouldBe, `${file} is stale`)
  })

  for (const { page, type } of [
    { page: 'docs/tasks.md', type: 'TaskOptions' },
    { page: 'docs/models.md', type: 'ModelPolicy' },
    { page: 'docs/tasks.md', type: 'Signals' },
    { page: 'docs/calling.md', type: 'CallOptions' },
    { page: 'docs/worker.md', type: 'WorkerOptions' },
    { page: 'docs/stores.md', type: 'SqliteBrokerOptions' },
  ]) {
    it(`${page} names every member of ${type}`, () => {
      const members = membersOf(type)
      assert.ok(members.length > 2)
      const text = read(page)
      assert.deepEqual(
        members.filter((name) => !text.includes(`\`${name}\``)),
        [],
      )
    })
  }

  it('the tree in ARCHITECTURE.md has every folder of src/', () => {
    const folders = new Set(globSync('src/*/**/*.ts', { cwd: root }).map((file) => file.split('/')[1] ?? ''))
    const tree = read('ARCHITECTURE.md').split('\n')
    assert.deepEqual(
      [...folders].filter((name) => !tree.some((line) => line.slice(4).startsWith(`${name}/ `))),
      [],
    )
  })

  it('the glossary is in alphabetical order, each word once', () => {
    const words = Array.from(read('docs/glossary.md').matchAll(/^\*\*(.+?)\*\*/gm), ([, word = '']) =>
      word.toLowerCase(),
    )
    assert.deepEqual(words, [...new Set(words)].toSorted())
  })
})

/** The text of a test file and of all in its folder that it imports: contract suites are defined there. */
function withImports(file: string, found: Map<string, string> = new Map()): Map<string, string> {
  if (found.has(file)) return found
  const text = read(file)
  found.set(file, text)
  for (const [, name = ''] of text.matchAll(/ from '\.\/([\w-]+\.ts)'/g))
    withImports(path.join(path.dirname(file), name), found)
  return found
}

/** The members of an exported interface of src/, one level deep. */
function membersOf(type: string): string[] {
  const declaration = new RegExp(`^export interface ${type}(?: extends \\w+)? \\{\\n([\\s\\S]*?)\\n\\}`, 'm')
  const bodies = globSync('src/**/*.ts', { cwd: root }).flatMap((file) => declaration.exec(read(file))?.slice(1) ?? [])
  return Array.from((bodies[0] ?? '').matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm), ([, name = '']) => name)
}

/** As GitHub makes them of headings. */
function anchorsOf(file: string): string[] {
  return Array.from(read(file).matchAll(/^#+ (.*)$/gm), ([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}
