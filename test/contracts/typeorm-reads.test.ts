import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DataSource, EntitySchema, type Logger } from 'typeorm'
import { Models } from '../../src/app/models.ts'
import { Transactions } from '../../src/app/transactions.ts'
import { ModelReference, type Key } from '../../src/protocol/model-reference.ts'
import { typeorm } from '../../src/orms/typeorm.ts'
import { testDatabase } from '../services.ts'

class Page {
  declare id: number
  declare title: string
  declare length: number
  declare deletedAt: Date | null
}
class Setting {
  declare name: string
  declare value: string
}
class Comment {
  declare id: number
  declare text: string
  declare page: Page
}
class Code {
  declare code: string
  declare text: string
}

let unit = 1

const schemas = [
  new EntitySchema<Page>({
    target: Page,
    name: 'Page',
    tableName: 'pages',
    columns: {
      id: { type: Number, primary: true },
      title: { type: String, transformer: { to: (text: string) => text, from: (text: string) => text.toUpperCase() } },
      deletedAt: { type: Date, deleteDate: true },
    },
  }),
  new EntitySchema<Setting>({
    target: Setting,
    name: 'Setting',
    tableName: 'settings',
    columns: {
      name: { type: String, primary: true },
      value: { type: String, virtualProperty: true, query: () => `SELECT '${unit}'` },
    },
  }),
  new EntitySchema<Comment>({
    target: Comment,
    name: 'Comment',
    tableName: 'comments',
    columns: { id: { type: Number, primary: true }, text: { type: String } },
    relations: { page: { type: 'many-to-one', target: 'Page', eager: true } },
  }),
  new EntitySchema<Code>({
    target: Code,
    name: 'Code',
    tableName: 'codes',
    columns: {
      code: {
        type: String,
        primary: true,
        transformer: { to: (code: string) => `#${code}`, from: (code: string) => code.slice(1) },
      },
      text: { type: String },
    },
  }),
]

interface Library {
  readonly source: DataSource
  readonly queries: string[]
  readonly load: <T>(model: string, key: Key, withDeleted?: boolean) => Promise<T>
}

async function withLibrary(test: (library: Library) => Promise<void>): Promise<void> {
  await using database = await testDatabase('sqlite')
  const queries: string[] = []
  const source = await new DataSource({
    type: 'better-sqlite3',
    database: database.url,
    entities: schemas,
    synchronize: true,
    cache: { type: 'database', alwaysEnabled: true, duration: 60_000 },
    logger: { ...silent, logQuery: (query: string) => queries.push(query) } as Logger,
  }).initialize()
  const models = new Models(new Transactions(() => assert.fail())).use(typeorm(source, { app: 'docs' }))
  const load = (model: string, key: Key, withDeleted = true): Promise<unknown> =>
    models.load(new ModelReference(`docs.${model}`, key), { grace: 0, missing: 'null', withDeleted })
  try {
    await test({ source, queries, load: load as Library['load'] })
  } finally {
    await source.destroy()
  }
}

const silent = {
  logQueryError: () => undefined,
  logQuerySlow: () => undefined,
  logSchemaBuild: () => undefined,
  logMigration: () => undefined,
  log: () => undefined,
}

function page(id: number, title: string): Page {
  return Object.assign(new Page(), { id, title })
}

describe('rows of TypeORM, one at a time', () => {
  it('are read by one query, whatever the key', () =>
    withLibrary(async ({ source, queries, load }) => {
      await source.manager.save([page(1, 'one'), page(2, 'two')])
      queries.length = 0
      for (const key of [1, 2, '2', 3]) await load('Page', key)
      assert.equal(queries.length, 4)
      assert.equal(new Set(queries).size, 1)
      assert.equal((await load<Page>('Page', 2)).title, 'TWO')
      assert.equal((await load<Page>('Page', '2')).id, 2)
      assert.equal(await load('Page', 3), null)
    }))

  it('are fresh where the user lets TypeORM keep the results of all queries', () =>
    withLibrary(async ({ source, load }) => {
      await source.manager.save(page(1, 'old'))
      assert.equal((await load<Page>('Page', 1)).title, 'OLD')
      await source.query("UPDATE pages SET title = 'new'")
      assert.equal((await load<Page>('Page', 1)).title, 'NEW')
    }))

  it('are looked for apart with and without those that are soft-deleted', () =>
    withLibrary(async ({ source, load }) => {
      await source.manager.save(Object.assign(page(1, 'gone'), { deletedAt: new Date() }))
      for (let time = 0; time < 2; time++) {
        assert.equal((await load<Page>('Page', 1)).title, 'GONE')
        assert.equal(await load('Page', 1, false), null)
      }
    }))

  it('are shown to who listens to loading, also from later on', () =>
    withLibrary(async ({ source, load }) => {
      await source.manager.save(page(1, 'a page'))
      await load('Page', 1)
      source.subscribers.push({ afterLoad: (entity: Page) => void (entity.length = entity.title.length) })
      assert.equal((await load<Page>('Page', 1)).length, 6)
      const [first, second] = await Promise.all([load<Page>('Page', 1), load<Page>('Page', 1)])
      assert.deepEqual([first.length, second.length], [6, 6])
      assert.notEqual(first, second)
    }))

  it('come with eager relations, and what virtual columns compute now', () =>
    withLibrary(async ({ source, load }) => {
      await source.manager.save([page(1, 'first'), page(2, 'second')])
      await source.query("INSERT INTO comments VALUES (1, 'good', 1), (2, 'bad', 2)")
      await source.query("INSERT INTO settings VALUES ('unit')")
      for (const id of [1, 2]) assert.equal((await load<Comment>('Comment', id)).page.id, id)
      for (unit = 1; unit < 3; unit++) assert.equal((await load<Setting>('Setting', 'unit')).value, String(unit))
    }))

  it('are found by keys that TypeORM writes otherwise, and by numbers in a column of text', () =>
    withLibrary(async ({ source, load }) => {
      await source.query("INSERT INTO codes VALUES ('#a', 'first'), ('#b', 'second')")
      await source.query("INSERT INTO settings VALUES ('7')")
      assert.equal((await load<Code>('Code', 'a')).text, 'first')
      assert.equal((await load<Code>('Code', 'b')).text, 'second')
      assert.equal((await load<Setting>('Setting', 7)).name, '7')
    }))

  it('come from the table that the entity has now', () =>
    withLibrary(async ({ source, load }) => {
      await source.manager.save(page(1, 'here'))
      await source.query('CREATE TABLE other_pages AS SELECT * FROM pages')
      await source.query("UPDATE other_pages SET title = 'there'")
      assert.equal((await load<Page>('Page', 1)).title, 'HERE')
      source.getMetadata(Page).tablePath = 'other_pages'
      assert.equal((await load<Page>('Page', 1)).title, 'THERE')
    }))
})
