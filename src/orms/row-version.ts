/** What a version column holds, as it travels: numbers stay numbers, also where drivers give them as text; times are ISO. */
export function versionOf(value: unknown): number | string | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString()
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'string' && /^\d+$/.test(value)) return Number(value)
  return typeof value === 'number' || typeof value === 'string' ? value : undefined
}
