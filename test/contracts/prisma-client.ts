import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { SqlDialect } from '../../src/orms/orm-adapter.ts'

const root = path.resolve(import.meta.dirname, '../..')
const fixture = path.join(root, 'test/fixtures/prisma/schema.prisma')
const providers: Readonly<Record<SqlDialect, string>> = { sqlite: 'sqlite', postgres: 'postgresql', mysql: 'mysql' }

/**
 * The client for a database, generated once for each text of the schema. It lies in the repository, where it finds
 * `@prisma/client`, and outside of node_modules, where Node takes no TypeScript.
 */
export async function prismaClient(dialect: SqlDialect): Promise<string> {
  const schema = schemaFor(dialect, await readFile(fixture, 'utf8'))
  const hash = createHash('sha256').update(schema).digest('hex').slice(0, 12)
  const folder = path.join(root, '.generated', `prisma-${dialect}-${hash}`)
  const client = path.join(folder, 'client/client.ts')
  if (existsSync(client)) return client
  await mkdir(path.dirname(folder), { recursive: true })
  const work = await mkdtemp(`${folder}-`)
  const file = path.join(work, 'schema.prisma')
  await writeFile(file, schema)
  await generatePrismaClient(file)
  try {
    await rename(work, folder)
  } catch (error) {
    // another test file was first
    if (!existsSync(client)) throw error
    await rm(work, { recursive: true })
  }
  return client
}

/** Comments of the fixture say the native types of a database. */
function schemaFor(dialect: SqlDialect, schema: string): string {
  const kinds = {
    sqlite: /$^/,
    postgres: /\/\/ (@db\S+) of (?:PostgreSQL|servers)/g,
    mysql: /\/\/ (@db\S+) of servers/g,
  }
  return schema.replace('provider = "sqlite"', `provider = "${providers[dialect]}"`).replace(kinds[dialect], '$1')
}

/** Needs no network: without a schema engine given, `prisma generate` would download one that it does not use. */
export async function generatePrismaClient(schema: string): Promise<void> {
  const cli = path.join(root, 'node_modules/prisma/build/index.js')
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' }
  await promisify(execFile)(process.execPath, [cli, 'generate', '--schema', schema], { env, cwd: path.dirname(schema) })
}
