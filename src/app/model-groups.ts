import { Ignore, InvalidArguments, RowChanged, RowMissing, RowNotYetVisible } from '../errors.ts'
import type { FetchOptions, OrmAdapter } from '../orms/orm-adapter.ts'
import type { ModelReference } from '../protocol/model-reference.ts'
import type { CompiledPolicy } from './model-policy.ts'
import type { ModelRegistry, RegisteredModel } from './model-registry.ts'
import { keyProblem, keyText } from './row-key.ts'
import type { RowLoader, Rows } from './row-loader.ts'
import type { Scope, Transactions } from './transactions.ts'
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
  rows: Rows
}

const noRows: Rows = new Map()
const noAdapters: ReadonlySet<OrmAdapter> = new Set()

/** The rows of one task: the same row under the same policy is the same object. */
export class RowGroups {
  readonly #loading: Loading
  readonly #groups: Group[] = []
  #locking: Set<OrmAdapter> | undefined

  constructor(loading: Loading) {
    this.#loading = loading
  }

  get isEmpty(): boolean {
    return this.#groups.length === 0
  }

  /** The ORMs that must hold rows in a transaction. */
  get locking(): ReadonlySet<OrmAdapter> {
    return this.#locking ?? noAdapters
  }

  /** Throws UnknownModel or InvalidArguments. */
  add(reference: ModelReference, policy: CompiledPolicy): void {
    const model = this.#loading.registry.get(reference.label, reference.extra.db)
    const problem = keyProblem(reference.key, model.info.key)
    if (problem) throw new InvalidArguments(`the key of a ${model.info.label} among the arguments ${problem}`)
    let group = this.#find(model, policy)
    if (!group) this.#groups.push((group = { model, policy, references: new Map(), rows: noRows }))
    if (policy.lock) (this.#locking ??= new Set()).add(model.adapter)
    const text = keyText(reference.key)
    const known = group.references.get(text)
    if (!known || known.extra.v === undefined || isNewer(reference.extra.v, known.extra.v)) {
      group.references.set(text, reference)
    }
  }

  /** The row of a reference that was added, once it is loaded; null if it is gone and may be. */
  row(reference: ModelReference, policy: CompiledPolicy): object | null {
    const model = this.#loading.registry.get(reference.label, reference.extra.db)
    return this.#find(model, policy)?.rows.get(keyText(reference.key)) ?? null
  }

  /** In a transaction one after the other, in the order of labels: it has one connection, and locks need an order. */
  async load(context: LoadContext): Promise<void> {
    const [first, ...others] = this.#groups
    if (first && others.length === 0) return loadGroup(first, context, this.#loading)
    if (!this.#loading.transactions.current()) {
      await Promise.all(this.#groups.map((group) => loadGroup(group, context, this.#loading)))
      return
    }
    const groups = new Map(this.#groups.map((group) => [groupName(group), group]))
    for (const name of [...groups.keys()].toSorted()) await loadGroup(groups.get(name) as Group, context, this.#loading)
  }

  #find({ root }: RegisteredModel, policy: CompiledPolicy): Group | undefined {
    return this.#groups.find((group) => group.model.root === root && group.policy.id === policy.id)
  }
}

function groupName({ model: { root, adapter }, policy }: Group): string {
  return `${root.label}@${adapter.db ?? ''} ${policy.id}`
}

async function loadGroup(group: Group, context: LoadContext, loading: Loading): Promise<void> {
  const { model, policy, references } = group
  const isReplicated = model.adapter.replicated === true
  group.rows = await (isReplicated
    ? loadReplicated(group, context, loading)
    : loadRows(group, references, true, context, loading))
  if (policy.changed !== 'run') refuseChanged(group, policy.changed)
}

/** A replica will do only where the version tells whether the row is as new as at the call. */
async function loadReplicated(group: Group, context: LoadContext, loading: Loading): Promise<Rows> {
  const { model, policy, references } = group
  const inTransaction = loading.transactions.current()?.adapter === model.adapter
  const mayLag = ({ extra }: ModelReference): boolean =>
    !inTransaction && (policy.read === 'any' || (policy.read === 'sent' && extra.v !== undefined))
  const [lagging, exact] = [new Map<string, ModelReference>(), new Map<string, ModelReference>()]
  for (const [text, reference] of references) (mayLag(reference) ? lagging : exact).set(text, reference)
  const [some, others] = await Promise.all([
    loadRows(group, lagging, false, context, loading),
    loadRows(group, exact, true, context, loading),
  ])
  return new Map([...some, ...others])
}

function loadRows(
  { model, policy }: Group,
  references: References,
  primary: boolean,
  context: LoadContext,
  { loader, transactions }: Loading,
): Promise<Rows> {
  if (references.size === 0) return Promise.resolve(noRows)
  const options = readOptions(policy, transactions.current(), model.adapter)
  const startedAt = Date.now()
  return waitForRows(references, {
    read: (wanted, fromPrimary) => loader.read(model, wanted, { primary: fromPrimary, ...options }),
    versionOf: (row) => model.adapter.identify(row)?.version,
    primary,
    acceptsOlder: policy.read === 'any',
    // a sender whose clock is ahead must not make the task wait
    visibleBy: () => Math.min(context.sentAt?.getTime() ?? startedAt, startedAt) + policy.graceMs,
    onGone: (gone) => missing(gone, policy),
    signal: context.signal,
  })
}

function readOptions(
  { relations, lock, hideDeleted }: CompiledPolicy,
  scope: Scope | undefined,
  adapter: OrmAdapter,
): Omit<FetchOptions, 'primary'> {
  return {
    ...(relations.length > 0 && { relations }),
    ...(hideDeleted && { hideDeleted }),
    ...(scope?.adapter === adapter && { tx: scope.tx, ...(lock && { lock }) }),
  }
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
