import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { nearest } from '../util/nearest.ts'
import { unknownKeys } from '../util/unknown-keys.ts'
import type { ModelInfo } from './orm-adapter.ts'

/** What every adapter takes. */
export interface OrmLabelOptions {
  /** The first half of the labels: model `Order` travels as `shop.Order`. Django's app label, for Python peers. */
  readonly app: string
  /** Former labels that waiting messages may still name, by model: `{ Order: ['shop.Purchase'] }`. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>
  /** Alias that travels with each reference, to tell a second database with the same labels apart. */
  readonly db?: string
}

/** The names of `OrmLabelOptions` and those of one ORM. */
export const labelOptions = ['app', 'aliases', 'db'] as const

/**
 * Throws ImproperlyConfigured if there is no ORM, or for options that are no object, have a key that is not in `known`, or
 * an `app` that cannot be the first half of a label. `call`: how the adapter is called, such as `typeorm(dataSource)`.
 */
export function checkOptions(call: string, orm: unknown, options: unknown, known: readonly string[]): void {
  const [, name = '', handle = ''] = /^(.*)\((.*)\)$/.exec(call) ?? []
  if ((typeof orm !== 'object' && typeof orm !== 'function') || orm === null)
    throw new ImproperlyConfigured(`${call} needs the ${handle}; got ${describeValue(orm)}`)
  if (orm instanceof Promise) throw new ImproperlyConfigured(`${call} got a promise: await it first`)
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ImproperlyConfigured(
      `${name}(${handle}, options) needs options, such as { app: 'shop' }; got ${describeValue(options)}`,
    )
  }
  const [problem] = unknownKeys(options, known, `option of ${name}()`, `; there are ${known.join(', ')}`)
  if (problem !== undefined) throw new ImproperlyConfigured(problem)
  const { app } = options as { readonly app?: unknown }
  if (typeof app === 'string' && /^[^.\s]+$/.test(app)) return
  throw new ImproperlyConfigured(
    `${name}(…, { app }) must be a name without dots, such as 'shop'; got ${describeValue(app)}`,
  )
}

/** Throws ImproperlyConfigured for aliases that are no lists, or whose model is not among `models`. */
export function checkAliases(name: string, aliases: OrmLabelOptions['aliases'], models: Iterable<ModelInfo>): void {
  const known = new Map(Array.from(models, ({ label }) => [label.slice(label.indexOf('.') + 1), label]))
  for (const [model, labels] of Object.entries(aliases ?? {})) {
    if (!known.has(model)) {
      const near = nearest(model, known.keys()) ?? [...known.keys()].slice(0, 10).join(', ')
      throw new ImproperlyConfigured(`${name}(…, { aliases }) names the model ${model}; did you mean ${near}?`)
    }
    if (!Array.isArray(labels) || !labels.every((label) => /^[^.]+\.[^.]+$/.test(String(label)))) {
      throw new ImproperlyConfigured(
        `${name}(…, { aliases: { ${model} } }) must be a list of labels, such as ['shop.Purchase']; got ${describeValue(labels)}`,
      )
    }
  }
}
