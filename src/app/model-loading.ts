import { Ignore, InvalidArguments, RowMissing, RowNotYetVisible } from '../errors.ts'
import { ModelReference } from '../protocol/model-reference.ts'
import { durationMs, type Duration } from '../util/duration.ts'
import type { ModelRegistry, RegisteredModel } from './model-registry.ts'
import { replaceObjects } from './model-tree.ts'
import { keyProblem, keyText } from './row-key.ts'
import type { RowLoader } from './row-loader.ts'
import type { Transactions } from './transactions.ts'
import { isNewer, listed, waitForRows, type References } from './wait-for-rows.ts'

/** What becomes of a task whose row does not exist. */
type MissingPolicy = 'error' | 'discard' | 'null' | 'retry'

export interface LoadOptions {
  /** When the message was sent. Default: now. */
  readonly sentAt?: Date | undefined
  /**
   * `'error'` throws RowMissing, `'discard'` throws Ignore, `'null'` puts null in the row's place, `'retry'` throws
   * RowNotYetVisible. Default `'error'`.
   */
  readonly missing?: MissingPolicy | undefined
  /** How long after `sentAt` a missing or too old row is waited for: its transaction may be open. Default 2 s. */
  readonly grace?: Duration | undefined
  /**
   * `'sent'`: never older than at the call, a replica where that can be checked. `'primary'`: no replica. `'any'`: as it
   * comes. Default `'sent'`.
   */
  readonly read?: 'sent' | 'primary' | 'any' | undefined
  readonly signal?: AbortSignal | undefined
}

/** All references to the rows of one model among the arguments of one task, by `keyText`. */
interface Group {
  readonly model: RegisteredModel
  readonly references: Map<string, ModelReference>
  readonly rows: Map<string, object>
}

interface Loading {
  readonly registry: ModelRegistry
  readonly loader: RowLoader
  readonly transactions: Transactions
}

/** Puts fresh instances in the place of references: the same row is the same object throughout `value`. */
export async function loadModels(value: unknown, options: LoadOptions, loading: Loading): Promise<unknown> {
  const groups = collect(value, loading.registry)
  if (groups.size === 0) return value
  await Promise.all([...groups.values()].map((group) => loadGroup(group, options, loading)))
  return replaceObjects(value, (object) => {
    if (!(object instanceof ModelReference)) return object
    const { root, adapter } = loading.registry.get(object.label, object.extra.db)
    return groups.get(groupName(root.label, adapter.db))?.rows.get(keyText(object.key)) ?? null
  })
}

function collect(value: unknown, registry: ModelRegistry): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>()
  replaceObjects(value, (object) => {
    if (object instanceof ModelReference) addReference(groups, object, registry)
    return object
  })
  return groups
}

function addReference(groups: Map<string, Group>, reference: ModelReference, registry: ModelRegistry): void {
  const model = registry.get(reference.label, reference.extra.db)
  const problem = keyProblem(reference.key, model.info.key)
  if (problem) throw new InvalidArguments(`the key of a ${model.info.label} among the arguments ${problem}`)
  const name = groupName(model.root.label, model.adapter.db)
  let group = groups.get(name)
  if (!group) groups.set(name, (group = { model, references: new Map(), rows: new Map() }))
  const text = keyText(reference.key)
  const known = group.references.get(text)
  if (!known || known.extra.v === undefined || isNewer(reference.extra.v, known.extra.v)) {
    group.references.set(text, reference)
  }
}

function groupName(label: string, db: string | undefined): string {
  return `${label}@${db ?? ''}`
}

/** A replica will do only where the version tells whether the row is as new as at the call. */
async function loadGroup({ model, references, rows }: Group, options: LoadOptions, loading: Loading): Promise<void> {
  const { read = 'sent' } = options
  const mayLag = (reference: ModelReference): boolean =>
    model.adapter.replicated === true && (read === 'any' || (read === 'sent' && reference.extra.v !== undefined))
  const [lagging, exact] = [new Map<string, ModelReference>(), new Map<string, ModelReference>()]
  for (const [text, reference] of references) (mayLag(reference) ? lagging : exact).set(text, reference)
  const loaded = await Promise.all([
    loadRows(model, lagging, false, options, loading),
    loadRows(model, exact, true, options, loading),
  ])
  for (const some of loaded) for (const [text, row] of some) rows.set(text, row)
}

async function loadRows(
  model: RegisteredModel,
  references: References,
  primary: boolean,
  options: LoadOptions,
  { loader, transactions }: Loading,
): Promise<Map<string, object>> {
  if (references.size === 0) return new Map()
  const graceMs = durationMs(options.grace ?? 2, 'grace')
  const scope = transactions.current()
  const tx = scope?.adapter === model.adapter ? { tx: scope.tx } : undefined
  const now = Date.now()
  return waitForRows(references, {
    read: (keys, fromPrimary) => loader.read(model, keys, { primary: fromPrimary, ...tx }),
    versionOf: (row) => model.adapter.identify(row)?.version,
    primary,
    acceptsOlder: options.read === 'any',
    // a sender whose clock is ahead must not make the task wait
    visibleBy: Math.min(options.sentAt?.getTime() ?? now, now) + graceMs,
    onGone: (gone) => missing(gone, options.missing ?? 'error'),
    signal: options.signal,
  })
}

function missing(references: readonly ModelReference[], policy: MissingPolicy): void {
  const names = listed(references)
  switch (policy) {
    case 'error':
      throw new RowMissing(`no row for ${names}: deleted since the call, or never committed`)
    case 'discard':
      throw new Ignore(`discarded, as the task asks for with missing: 'discard': no row for ${names}`)
    case 'retry':
      throw new RowNotYetVisible(`no row for ${names} yet; tried again, as the task asks for with missing: 'retry'`)
    case 'null':
  }
}
