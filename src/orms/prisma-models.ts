import { ImproperlyConfigured } from '../errors.ts'
import type { KeyKind } from './key-values.ts'
import type { ModelInfo } from './orm-adapter.ts'
import type { OrmLabelOptions } from './orm-labels.ts'
import { readPrismaSchema, type SchemaModel } from './prisma-schema.ts'
import type { PrismaInternals, RuntimeModel } from './prisma-types.ts'

export interface PrismaModelOptions extends OrmLabelOptions {
  /** Key fields by model. Default: `@id` or `@@id`, else the first `@unique` or `@@unique` of the schema. */
  readonly keys?: Readonly<Record<string, string | readonly string[]>>
  /** The field that grows with each update, in the models that have it. Default: the one with `@updatedAt`. */
  readonly version?: string
  /** The field that is null in living rows, in the models that have it: for `withDeleted: false`. */
  readonly deletedAt?: string
}

export interface PrismaModel {
  readonly info: ModelInfo
  readonly version: string | undefined
  readonly deletedAt: string | undefined
  /** How the client calls the model: `user` for `User`. */
  readonly delegate: string
  readonly kinds: readonly KeyKind[]
  readonly relations: ReadonlyMap<string, string>
  readonly runtime: RuntimeModel
}

/** The models of a client, by name. Throws ImproperlyConfigured if it is none, or if the key of a model is unknown. */
export function prismaModels(client: PrismaInternals, options: PrismaModelOptions): ReadonlyMap<string, PrismaModel> {
  const runtime = client._runtimeDataModel?.models
  if (!runtime) throw new ImproperlyConfigured('prisma(client, …) needs a client made with new PrismaClient()')
  checkNames('keys', options.keys, runtime)
  const schema = readPrismaSchema(client._engineConfig?.inlineSchema ?? '')
  const models = Object.entries(runtime).map(([name, model]) => [name, modelOf(name, model, schema.get(name), options)])
  checkField('version', options.version, runtime)
  checkField('deletedAt', options.deletedAt, runtime)
  return new Map(models as [string, PrismaModel][])
}

function checkField(option: string, name: string | undefined, runtime: Readonly<Record<string, RuntimeModel>>): void {
  if (name === undefined || Object.values(runtime).some(({ fields }) => fields.some((field) => field.name === name)))
    return
  throw new ImproperlyConfigured(`prisma(…, { ${option} }) names the field ${name}, which none of the models has`)
}

function modelOf(
  name: string,
  runtime: RuntimeModel,
  schema: SchemaModel | undefined,
  options: PrismaModelOptions,
): PrismaModel {
  const key = keyOf(name, runtime, schema, options)
  const has = (field: string | undefined): boolean => runtime.fields.some((known) => known.name === field)
  const delegate = delegateName(name)
  return {
    info: { label: `${options.app}.${name}`, aliases: options.aliases?.[name] ?? [], key, handle: `prisma:${name}` },
    version: has(options.version) ? options.version : schema?.updatedAt,
    deletedAt: has(options.deletedAt) ? options.deletedAt : undefined,
    delegate,
    kinds: key.map((field) => schema?.kinds.get(field) ?? kindOf(runtime, field)),
    relations: new Map(
      runtime.fields.filter(({ kind }) => kind === 'object').map(({ name: field, type }) => [field, type]),
    ),
    runtime,
  }
}

export function delegateName(model: string): string {
  return model.charAt(0).toLowerCase() + model.slice(1)
}

function keyOf(
  name: string,
  { fields }: RuntimeModel,
  schema: SchemaModel | undefined,
  { keys }: PrismaModelOptions,
): readonly string[] {
  const found = keys?.[name] ?? schema?.key ?? (fields.some((field) => field.name === 'id') ? 'id' : [])
  const key = typeof found === 'string' ? [found] : found
  const unknown = key.find((part) => !fields.some((field) => field.name === part))
  if (key.length > 0 && unknown === undefined) return key
  const problem = unknown === undefined ? 'is not known' : `has no field ${unknown}`
  throw new ImproperlyConfigured(`prisma(): the key of ${name} ${problem}; say keys: { ${name}: 'field' }`)
}

const kinds = new Map<string | undefined, KeyKind>([
  ['Int', 'int32'],
  ['BigInt', 'bigint'],
  ['String', 'text'],
  ['DateTime', 'date'],
])

function kindOf({ fields }: RuntimeModel, name: string): KeyKind {
  return kinds.get(fields.find((field) => field.name === name)?.type) ?? 'any'
}

function checkNames(option: string, given: object | undefined, runtime: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(given ?? {})) {
    if (Object.hasOwn(runtime, name)) continue
    const known = Object.keys(runtime).join(', ')
    throw new ImproperlyConfigured(`prisma(…, { ${option} }) names the model ${name}; the client has ${known}`)
  }
}
