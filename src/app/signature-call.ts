import type { Embed } from '../protocol/task-body.ts'
import { encodeSignature, type TaskSignature } from '../protocol/signature-json.ts'
import type { SignatureOptions } from '../protocol/signature-options.ts'
import type { CallOptions } from './call-options.ts'
import type { CallWorkflow } from './prepare-call.ts'
import { signatureOptions, stampsOf } from './signature-settings.ts'

/** The call has callbacks or stamps: it is made from a signature. */
export function hasFollowers({ link, linkError, stamps }: CallOptions): boolean {
  return link !== undefined || linkError !== undefined || stamps !== undefined
}

/** A call as a signature: options that only this process knows stay outside. */
export function signatureOf(task: string, args: readonly unknown[], options: CallOptions): TaskSignature {
  const { kwargs = {} } = options
  const kept = signatureOptions(task, options)
  return { kind: 'task', task, args, kwargs, options: kept, subtaskType: null, immutable: false }
}

/** What the options of a signature, with references in it already, say of the place of its call. */
export function workflowOf(
  options: SignatureOptions,
  place: Partial<CallWorkflow> = {},
  chain: readonly unknown[] | null = null,
): CallWorkflow {
  const { replyTo, rootId, parentId, groupId, groupIndex } = options
  return {
    isReferenced: true,
    embed: embedOf(options, chain),
    rootId: rootId ?? undefined,
    parentId: parentId ?? undefined,
    group: groupId ?? undefined,
    groupIndex: groupIndex ?? undefined,
    replyTo: replyTo ?? undefined,
    stamps: stampsOf(options),
    replacedTaskNesting: options.replacedTaskNesting ?? 0,
    ...place,
  }
}

function embedOf({ link, linkError, chord }: SignatureOptions, chain: readonly unknown[] | null): Embed {
  return {
    callbacks: link?.map(encodeSignature) ?? null,
    errbacks: linkError?.map(encodeSignature) ?? null,
    chain,
    chord: chord ? encodeSignature(chord) : null,
  }
}
