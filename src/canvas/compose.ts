import type { ChainSignature, ChordSignature, GroupSignature, SignatureData } from '../protocol/signature-json.ts'

/** Of a signature that nobody gave anything. */
export const plain = { args: [], kwargs: {}, options: {}, immutable: false } as const

export function chainOf(tasks: readonly SignatureData[]): ChainSignature {
  return { kind: 'chain', tasks, ...plain }
}

export function groupOf(tasks: readonly SignatureData[]): GroupSignature {
  return { kind: 'group', tasks, ...plain }
}

export function chordOf(header: GroupSignature, body: SignatureData): ChordSignature {
  return { kind: 'chord', header, body, ...plain }
}
