import { ImproperlyConfigured } from '../errors.ts'

/** What every adapter takes. */
export interface OrmLabelOptions {
  /** The first half of the labels: model `Order` travels as `shop.Order`. Django's app label, for Python peers. */
  readonly app: string
  /** Former labels that waiting messages may still name, by model: `{ Order: ['shop.Purchase'] }`. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>
  /** Alias that travels with each reference, to tell a second database with the same labels apart. */
  readonly db?: string
}

/** Throws ImproperlyConfigured unless `app` can be the first half of a label. */
export function checkApp(orm: string, app: string): void {
  if (/^[^.\s]+$/.test(app)) return
  throw new ImproperlyConfigured(`${orm}(…, { app }) must be a name without dots, such as 'shop'; got '${app}'`)
}
