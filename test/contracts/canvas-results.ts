import assert from 'node:assert/strict'
import type { AnyResult, AsyncResult } from '../../src/index.ts'

export function resultOf(result: AnyResult | undefined): AsyncResult {
  return (result as AsyncResult | undefined) ?? assert.fail('there is no result')
}

/** Of the steps of a chain, by its last. */
export function resultsOf(last: AnyResult): AsyncResult[] {
  const results: AsyncResult[] = []
  for (let at: AnyResult | undefined = last; at; at = at.parent) results.unshift(at as AsyncResult)
  return results
}

/** Each step of a chain tells which it follows, and which follows it. */
export async function assertLinked(results: readonly AsyncResult[]): Promise<void> {
  const metas = await Promise.all(results.map((result) => result.meta()))
  assert.deepEqual(
    metas.map((meta) => meta?.parentId),
    [undefined, ...results.slice(0, -1).map(({ id }) => id)],
  )
  assert.deepEqual(
    metas.map((meta) => meta?.children),
    [...results.slice(1).map(({ id }) => [id]), []],
  )
}
