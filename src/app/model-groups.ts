import { Ignore, InvalidArguments, RowChanged, RowMissing, RowNotYetVisible } from '../errors.ts'
import type { OrmAdapter } from '../orms/orm-adapter.ts'
import type { ModelReference } from '../protocol/model-reference.ts'
import type { CompiledPolicy } from './model-policy.ts'
import type { ModelRegistry, RegisteredModel } from './model-registry.ts'
import { keyProblem, keyText } from './row-key.ts'
import type { RowLoader } from './row-loader.ts'
import type { Transactions } from './transactions.ts'
import { isNewer, listed, waitForRows, type References } from './wait-for-rows.ts'

/** What loading needs of the app. */
export interface Loading {
  readonly registry: ModelRegistry
  readonly loader: RowLoader
  readonly transactions: Transactions
}

/** Of one task, or of one call of `load`. */
export interface LoadContext {
  /** When the message was sent. Default: now. */
  readonly sentAt?: Date | undefined
  readonly signal?: AbortSignal | undefined
}

/** All references to the rows of one model under one policy, by `keyText`. */
interface Group {
  readonly model: RegisteredModel
  readonly policy: CompiledPolicy
  readonly references: Map<string, ModelReference>
  readonly rows: Map<string, object>
}

/** The rows of one task: the same row under the same policy is the same object. */
export class RowGroups {
  readonly #loading: Loading
  readonly #groups = new Map<string, Group>()

  constructor(loading: Loading) {
    this.#loading = loading
  }

  get isEmpty(): boolean {
    return this.#groups.size === 0
  }

  /** The ORMs that must hold rows in a transaction. */
  get locking(): ReadonlySet<OrmAdapter> {
    return new Set([...this.#groups.values()].flatMap(({ model, policy }) => (policy.lock ? [model.adapter] : [])))
  }

  /** Throws UnknownModel or InvalidArguments. */
  add(reference: ModelReference, policy: CompiledPolicy): void {
    const model = this.#loading.registry.get(reference.label, reference.extra.db)
    const problem = keyProblem(reference.key, model.info.key)
    if (problem) throw new InvalidArguments(`the key of a ${model.info.label} among the arguments ${problem}`)
    const name = groupName(model, policy)
    let group = this.#groups.get(name)
    if (!group) this.#groups.set(name, (group = { model, policy, references: new Map(), rows: new Map() }))
    const text = keyText(reference.key)
    const known = group.references.get(text)
    if (!known || known.extra.v === undefined || isNewer(reference.extra.v, known.extra.v)) {
      group.references.set(text, reference)
    }
  }

  /** The row of a reference that was added, once it is loaded; null if it is gone and may be. */
  row(reference: ModelReference, policy: CompiledPolicy): object | null {
    const model = this.#loading.registry.get(reference.label, reference.extra.db)
    return this.#groups.get(groupName(model, policy))?.rows.get(keyText(reference.key)) ?? null
  }

  /** In a transaction one after the other, in the order of labels: it has one connection, and locks need an order. */
  async load(context: LoadContext): Promise<void> {
    if (!this.#loading.transactions.current()) {
      await Promise.all([...this.#groups.values()].map((group) => loadGroup(group, context, this.#loading)))
      return
    }
    const names = [...this.#groups.keys()].toSorted()
    for (const name of names) await loadGroup(this.#groups.get(name) as Group, context, this.#loading)
  }
}

function groupName({ root, adapter }: RegisteredModel, policy: CompiledPolicy): string {
  return `${root.label}@${adapter.db ?? ''} ${policy.id}`
}

/** A replica will do only where the version tells whether the row is as new as at the call. */
async function loadGroup(group: Group, context: LoadContext, loading: Loading): Promise<void> {
  const { model, policy, references, rows } = group
  const { read } = policy
  const { replicated } = model.adapter
  const inTransaction = loading.transactions.current()?.adapter === model.adapter
  const mayLag = (reference: ModelReference): boolean =>
    replicated === true && !inTransaction && (read === 'any' || (read === 'sent' && reference.extra.v !== undefined))
  const [lagging, exact] = [new Map<string, ModelReference>(), new Map<string, ModelReference>()]
  for (const [text, reference] of references) (mayLag(reference) ? lagging : exact).set(text, reference)
  const loaded = await Promise.all([
    loadRows(group, lagging, false, context, loading),
    loadRows(group, exact, true, context, loading),
  ])
  for (const some of loaded) for (const [text, row] of some) rows.set(text, row)
  if (policy.changed !== 'run') refuseChanged(group, policy.changed)
}

async function loadRows(
  { model, policy }: Group,
  references: References,
  primary: boolean,
  { sentAt, signal }: LoadContext,
  { loader, transactions }: Loading,
): Promise<Map<string, object>> {
  if (references.size === 0) return new Map()
  const { relations, lock, hideDeleted, graceMs } = policy
  const scope = transactions.current()
  const inTransaction = scope?.adapter === model.adapter ? { tx: scope.tx, ...(lock && { lock }) } : undefined
  const options = { ...(relations.length > 0 && { relations }), ...(hideDeleted && { hideDeleted }), ...inTransaction }
  const now = Date.now()
  return waitForRows(references, {
    read: (keys, fromPrimary) => loader.read(model, keys, { primary: fromPrimary, ...options }),
    versionOf: (row) => model.adapter.identify(row)?.version,
    primary,
    acceptsOlder: policy.read === 'any',
    // a sender whose clock is ahead must not make the task wait
    visibleBy: Math.min(sentAt?.getTime() ?? now, now) + graceMs,
    onGone: (gone) => missing(gone, policy),
    signal,
  })
}

function missing(references: readonly ModelReference[], policy: CompiledPolicy): void {
  const names = listed(references)
  switch (policy.missing) {
    case 'error':
      throw new RowMissing(`no row for ${names}: deleted since the call, or never committed`)
    case 'discard':
      throw new Ignore(`discarded, as the task asks for with missing: 'discard': no row for ${names}`)
    case 'retry':
      throw new RowNotYetVisible(`no row for ${names} yet; tried again, as the task asks for with missing: 'retry'`)
    case 'null':
  }
}

function refuseChanged({ model, references, rows }: Group, changed: 'discard' | 'error'): void {
  const newer = [...references].filter(([text, { extra }]) => {
    const row = rows.get(text)
    return row !== undefined && isNewer(model.adapter.identify(row)?.version, extra.v)
  })
  if (newer.length === 0) return
  const names = listed(newer.map(([, reference]) => reference))
  if (changed === 'error') throw new RowChanged(`${names}: changed since the call`)
  throw new Ignore(`discarded, as the task asks for with changed: 'discard': ${names} changed since the call`)
}
