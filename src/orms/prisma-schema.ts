import type { KeyKind } from './key-values.ts'

/** What the run-time model of Prisma leaves out. */
export interface SchemaModel {
  /** The fields of `@id` or `@@id`, else of the first `@unique` or `@@unique`. */
  readonly key: readonly string[]
  /** The field with `@updatedAt`. */
  readonly updatedAt?: string
  /** What fields with `@db.Uuid` and `@db.Date` hold. */
  readonly kinds: ReadonlyMap<string, KeyKind>
}

/** Reads the models of a schema as the generator formats it: one field or attribute a line. */
export function readPrismaSchema(schema: string): ReadonlyMap<string, SchemaModel> {
  const models = new Map<string, SchemaModel>()
  for (const [, name, body] of schema.matchAll(/^model\s+(\w+)\s*\{\n(.*?)^\}/gms)) {
    if (name !== undefined && body !== undefined) models.set(name, readModel(body.split('\n').map(bare)))
  }
  return models
}

/** Without strings, which may hold anything, and comments. */
function bare(line: string): string {
  return line
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\/\/.*/, '')
    .trim()
}

function readModel(lines: readonly string[]): SchemaModel {
  const updatedAt = fieldsWith(lines, 'updatedAt')[0]
  return {
    key: keyFields(lines, 'id') ?? keyFields(lines, 'unique') ?? [],
    ...(updatedAt !== undefined && { updatedAt }),
    kinds: new Map([
      ...fieldsWith(lines, 'db.Uuid').map((field) => [field, 'uuid'] as const),
      ...fieldsWith(lines, 'db.Date').map((field) => [field, 'day'] as const),
    ]),
  }
}

function keyFields(lines: readonly string[], attribute: 'id' | 'unique'): readonly string[] | undefined {
  const [single] = fieldsWith(lines, attribute)
  if (single !== undefined) return [single]
  for (const line of lines) {
    const [, names] = new RegExp(String.raw`^@@${attribute}\((?:.*?fields:\s*)?\[(.*?)\]`).exec(line) ?? []
    if (names !== undefined) return names.split(',').map((name) => name.replace(/\(.*/, '').trim())
  }
  return undefined
}

function fieldsWith(lines: readonly string[], attribute: string): readonly string[] {
  const marked = new RegExp(String.raw`^(\w+)\s.*@${attribute.replace('.', String.raw`\.`)}\b`)
  return lines.flatMap((line) => marked.exec(line)?.[1] ?? [])
}
