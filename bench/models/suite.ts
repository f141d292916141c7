import type { Suite } from '../lib/suite.ts'
import { encoding, modelArgument } from './cases.ts'

export const models: Suite = {
  name: 'models',
  description: 'a model as argument beside an id and a query by hand: TypeORM on SQLite and PostgreSQL',
  needsRedis: false,
  cases: [
    modelArgument('sqlite', 1, 8000, 0.74),
    modelArgument('sqlite', 100, 20_000, 1.67),
    modelArgument('postgres', 1, 4000, 0.74),
    modelArgument('postgres', 100, 20_000, 1.67),
    encoding,
  ],
}
