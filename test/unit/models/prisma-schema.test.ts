import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readPrismaSchema } from '../../../src/orms/prisma-schema.ts'

const schema = `
model Plain {
  /// @id in a comment }
  name String @default("} @id // no") // @id
  code String @id @map("the_code") @db.Uuid
}

model Pair {
  row  Int
  seat DateTime @db.Date

  @@unique([seat])
  @@id(name: "place", fields: [row, seat(sort: Desc)])
}

model Loose {
  a     Int
  email String @unique
  at    DateTime @updatedAt @db.Timestamp(3)
}

model None {
  a Int
}

enum Color {
  id
}
`

describe('the schema of Prisma', () => {
  it('tells keys, versions and native types', () => {
    const models = readPrismaSchema(schema)
    assert.deepEqual([...models.keys()], ['Plain', 'Pair', 'Loose', 'None'])
    assert.deepEqual(models.get('Plain'), { key: ['code'], kinds: new Map([['code', 'uuid']]) })
    assert.deepEqual(models.get('Pair'), { key: ['row', 'seat'], kinds: new Map([['seat', 'day']]) })
    assert.deepEqual(models.get('Loose'), { key: ['email'], updatedAt: 'at', kinds: new Map() })
    assert.deepEqual(models.get('None'), { key: [], kinds: new Map() })
  })

  it('may be missing', () => {
    assert.equal(readPrismaSchema('').size, 0)
  })
})
