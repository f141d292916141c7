import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, glob, mkdtemp, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { generatePrismaClient } from './prisma-client.ts'

const root = path.resolve(import.meta.dirname, '../..')
const example = path.join(root, 'examples/prisma')

async function filesOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  for await (const file of glob('**/*.ts', { cwd: folder })) {
    files.set(file, await readFile(path.join(folder, file), 'utf8'))
  }
  return files
}

describe('the example of Prisma', () => {
  it('has the client that this version of Prisma generates', async () => {
    const folder = await mkdtemp(path.join(root, 'test/fixtures/prisma/example-'))
    try {
      await cp(path.join(example, 'schema.prisma'), path.join(folder, 'schema.prisma'))
      await generatePrismaClient(path.join(folder, 'schema.prisma'))
      const [made, kept] = [
        await filesOf(path.join(folder, 'generated')),
        await filesOf(path.join(example, 'generated')),
      ]
      assert.deepEqual([...made.keys()].toSorted(), [...kept.keys()].toSorted())
      for (const [name, text] of made) assert.ok(kept.get(name) === text, `run prisma generate: ${name} is another`)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('compiles, and so do tasks with the types of its client', async () => {
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc')
    await promisify(execFile)(process.execPath, [tsc, '-p', example])
  })
})
