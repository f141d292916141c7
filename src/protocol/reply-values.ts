import { isRecord } from './describe-value.ts'

/** Members of a reply that may be anything: what is no object counts as an empty one. */
export function asRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {}
}

export function asText(value: unknown, missing: string = ''): string {
  return typeof value === 'string' ? value : missing
}
