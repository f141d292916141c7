/** One part of a primary key, as it travels. */
export type KeyPart = number | string | bigint | boolean | Date | Uint8Array
/** A primary key: composite keys are lists in the model's declared order. */
export type Key = KeyPart | readonly KeyPart[]

/** The optional third element of kombu's `model` value; unknown keys are ignored. */
export interface ReferenceExtra {
  /** Database alias. */
  readonly db?: string
  /** Version of the row when the task was called: a number, or an ISO time. */
  readonly v?: number | string
  /** 1: the row was committed before the message left. */
  readonly c?: 1
}

/**
 * A row named by label and primary key: `{"__type__":"model","__value__":["shop.Order",42]}`, byte for byte what
 * kombu's documented `register_type(Model, "model", …)` writes, with a third element for the extras if there are any.
 */
export class ModelReference {
  /** `app.Model`, Django's `Model._meta.label`. */
  readonly label: string
  readonly key: Key
  readonly extra: ReferenceExtra

  constructor(label: string, key: Key, extra: ReferenceExtra = {}) {
    this.label = label
    this.key = key
    this.extra = extra
  }

  /** `shop.Order(42)`, for logs: never a column. */
  toString(): string {
    return `${this.label}(${Array.isArray(this.key) ? this.key.join(', ') : String(this.key)})`
  }
}
