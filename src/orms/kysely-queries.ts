import { ImproperlyConfigured } from '../errors.ts'
import type { Key, KeyPart } from '../protocol/model-reference.ts'
import type { CompiledQuery, Queries, SelectQuery } from './kysely-types.ts'
import type { FetchOptions, ModelInfo, SqlDialect } from './orm-adapter.ts'

/** Told by how a statement is written, which also holds for dialects of third parties. */
export function dialectOf(db: Queries): SqlDialect {
  const { sql } = db.withoutPlugins().selectFrom('t').where('c', '=', 1).compile()
  if (sql.includes('`')) return 'mysql'
  if (sql.includes('$1')) return 'postgres'
  if (sql.includes('?')) return 'sqlite'
  throw new ImproperlyConfigured(`kysely(db) knows PostgreSQL, MySQL, MariaDB and SQLite; this dialect writes ${sql}`)
}

/** Drivers limit bind parameters, and SQLite the depth of an OR. */
export function keysPerQuery(dialect: SqlDialect, { key }: ModelInfo): number {
  if (key.length === 1) return 5000
  return dialect === 'sqlite' ? 500 : 1000
}

export function withKeys(
  query: SelectQuery,
  names: readonly string[],
  keys: readonly Key[],
  dialect: SqlDialect,
): SelectQuery {
  const [first = '', ...others] = names
  if (others.length === 0) return query.where(first, 'in', keys)
  const composite = keys as readonly (readonly KeyPart[])[]
  return query.where((build) => {
    const { eb } = build
    // SQLite has no lists of tuples
    if (dialect === 'sqlite') {
      return eb.or(composite.map((key) => eb.and(names.map((name, index) => eb(name, '=', key[index])))))
    }
    const tuples = composite.map((key) => build.tuple(...key))
    return eb(build.refTuple(...names), 'in', tuples)
  })
}

/** MariaDB has no FOR SHARE. */
export function locked(query: SelectQuery, lock: FetchOptions['lock'], dialect: SqlDialect): SelectQuery {
  if (!lock) return query
  if (lock === 'update') return query.forUpdate()
  if (dialect !== 'mysql') return query.forShare()
  return query.modifyEnd({ toOperationNode: () => rawQuery('lock in share mode', []).query })
}

/** What Kysely's `CompiledQuery.raw` makes. */
export function rawQuery(sql: string, parameters: readonly unknown[]): CompiledQuery {
  const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] }
  return { sql, parameters, query, queryId: { queryId: '' } }
}
