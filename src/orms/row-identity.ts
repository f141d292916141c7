import type { Key } from '../protocol/model-reference.ts'
import type { Identity, ModelInfo } from './orm-adapter.ts'
import { versionOf } from './row-version.ts'

/** What a row says about itself, where its fields are named as the model's key. */
export function identityOf(model: ModelInfo, row: object, versionField: string | undefined): Identity {
  const fields = row as Readonly<Record<string, unknown>>
  const parts = model.key.map((name) => fields[name])
  const isMissing = parts.some((part) => part === undefined || part === null)
  const key = isMissing ? undefined : ((parts.length === 1 ? parts[0] : parts) as Key)
  const version = versionField === undefined ? undefined : versionOf(fields[versionField])
  return version === undefined ? { model, key } : { model, key, version }
}
