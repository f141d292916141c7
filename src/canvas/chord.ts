import { checkSignature, Signature, type AnySignature } from '../app/signature.ts'
import type { GroupSignature } from '../protocol/signature-json.ts'
import { runWorkflow } from './apply.ts'
import type { GroupResult } from './group-result.ts'
import { chordOf, groupOf } from './compose.ts'

/**
 * A group, and a body that gets the list of its results once all members succeeded. If one does not, the body never runs,
 * and fails with a ChordError once all are over. `chain(group, body)` is the same.
 *
 * @example
 * await chord(group(add.s(1, 1), add.s(2, 2)), sum.s()).delay()
 */
export function chord<Takes extends readonly unknown[], R extends readonly unknown[], BodyR, BodyHandle>(
  header: Signature<Takes, R, GroupResult<R>>,
  body: Signature<[R], BodyR, BodyHandle>,
): Signature<Takes, BodyR, BodyHandle> {
  checkSignature(header, 'chord()')
  checkSignature(body, 'chord()')
  const data = chordOf(headerOf(header), (body as AnySignature).data)
  return new Signature({ data, appOf: header.parts.appOf, run: runWorkflow })
}

function headerOf({ data }: AnySignature): GroupSignature {
  return data.kind === 'group' ? data : groupOf([data])
}
