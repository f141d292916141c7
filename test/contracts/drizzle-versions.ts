import * as core45 from 'drizzle-orm'
import * as libsql45 from 'drizzle-orm/libsql'
import * as mysql45 from 'drizzle-orm/mysql-core'
import * as mysql2With45 from 'drizzle-orm/mysql2'
import * as pgWith45 from 'drizzle-orm/node-postgres'
import * as pg45 from 'drizzle-orm/pg-core'
import * as sqlite45 from 'drizzle-orm/sqlite-core'
import * as core1 from 'drizzle-orm-1'
import * as libsql1 from 'drizzle-orm-1/libsql'
import * as mysql1 from 'drizzle-orm-1/mysql-core'
import * as mysql2With1 from 'drizzle-orm-1/mysql2'
import * as pgWith1 from 'drizzle-orm-1/node-postgres'
import * as pg1 from 'drizzle-orm-1/pg-core'
import * as sqlite1 from 'drizzle-orm-1/sqlite-core'

/** What the labs use of Drizzle is alike in both lines, so they are written with the types of the older one. */
export interface DrizzleVersion {
  readonly name: '0.45' | '1.0'
  readonly core: typeof core45
  readonly sqlite: { readonly tables: typeof sqlite45; readonly driver: typeof libsql45 }
  readonly postgres: { readonly tables: typeof pg45; readonly driver: typeof pgWith45 }
  readonly mysql: { readonly tables: typeof mysql45; readonly driver: typeof mysql2With45 }
}

const with1: object = {
  name: '1.0',
  core: core1,
  sqlite: { tables: sqlite1, driver: libsql1 },
  postgres: { tables: pg1, driver: pgWith1 },
  mysql: { tables: mysql1, driver: mysql2With1 },
}

export const drizzleVersions: readonly DrizzleVersion[] = [
  {
    name: '0.45',
    core: core45,
    sqlite: { tables: sqlite45, driver: libsql45 },
    postgres: { tables: pg45, driver: pgWith45 },
    mysql: { tables: mysql45, driver: mysql2With45 },
  },
  with1 as DrizzleVersion,
]
