import { EntitySchema, type EntityClass } from '@mikro-orm/core'

export interface MikroModels {
  readonly classes: Readonly<
    Record<'User' | 'Seat' | 'Token' | 'Ledger' | 'Day' | 'Post' | 'Animal' | 'Dog' | 'Cat', EntityClass<object>>
  >
  readonly schemas: readonly EntitySchema[]
}

/** Made for each ORM: it writes what it finds out about the database into them. */
export function mikroModels(): MikroModels {
  class User {}
  class Seat {}
  class Token {}
  class Ledger {}
  class Day {}
  class Post {}
  class Animal {}
  class Dog extends Animal {}
  class Cat extends Animal {}
  const id = { type: 'integer', primary: true, autoincrement: true } as const
  const name = { type: 'string' } as const
  const schemas: EntitySchema<never>[] = [
    new EntitySchema({
      class: User,
      tableName: 'users',
      filters: { alive: { name: 'alive', cond: { deletedAt: null }, default: true } },
      properties: {
        id,
        name,
        version: { type: 'integer', version: true },
        deletedAt: { type: 'datetime', fieldName: 'deletedAt', nullable: true },
        tags: { type: 'json', nullable: true },
        posts: { kind: '1:m', entity: () => Post, mappedBy: 'authorId' },
      },
    } as never),
    new EntitySchema({
      class: Seat,
      tableName: 'seats',
      properties: {
        row: { type: 'integer', primary: true, fieldName: 'row' },
        seat: { type: 'string', primary: true },
        holder: name,
      },
    } as never),
    new EntitySchema({
      class: Token,
      tableName: 'tokens',
      properties: { id: { type: 'uuid', primary: true }, name },
    } as never),
    new EntitySchema({
      class: Ledger,
      tableName: 'ledgers',
      properties: { id: { type: 'bigint', primary: true }, name },
    } as never),
    new EntitySchema({
      class: Day,
      tableName: 'days',
      properties: { day: { type: 'date', primary: true }, name },
    } as never),
    new EntitySchema({
      class: Post,
      tableName: 'posts',
      properties: {
        id,
        title: name,
        authorId: { kind: 'm:1', entity: () => User, mapToPk: true, fieldName: 'authorId' },
      },
    } as never),
    new EntitySchema({
      class: Animal,
      tableName: 'animals',
      discriminatorColumn: 'kind',
      discriminatorMap: { Animal, Dog, Cat },
      properties: { id, kind: name, name },
    } as never),
    new EntitySchema({ class: Dog, extends: Animal, properties: {} } as never),
    new EntitySchema({ class: Cat, extends: Animal, properties: {} } as never),
  ]
  return {
    classes: { User, Seat, Token, Ledger, Day, Post, Animal, Dog, Cat },
    schemas: schemas as unknown as EntitySchema[],
  }
}
