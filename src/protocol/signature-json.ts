import { DecodeError } from '../errors.ts'
import { describeValue, isRecord } from './describe-value.ts'
import { maxDepth } from './fold-value.ts'
import { decodeOptions, encodeOptions, type SignatureOptions } from './signature-options.ts'

interface SignatureFields {
  /** Those of the call come before them. */
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: SignatureOptions
  /** Arguments of the call are ignored. */
  readonly immutable: boolean
  /** Of a chord's body: how many parts the chord has, where its backend does not keep it. */
  readonly chordSize?: number
}

/** A call of one task. `celery.map`, `celery.starmap` and `celery.chunks` are such, too. */
export interface TaskSignature extends SignatureFields {
  readonly kind: 'task'
  readonly task: string
  /** Celery's name of the reader's class; null for plain tasks. */
  readonly subtaskType: string | null
}

export interface ChainSignature extends SignatureFields {
  readonly kind: 'chain'
  /** In the order in which they run. */
  readonly tasks: readonly SignatureData[]
}

export interface GroupSignature extends SignatureFields {
  readonly kind: 'group'
  readonly tasks: readonly SignatureData[]
}

export interface ChordSignature extends SignatureFields {
  readonly kind: 'chord'
  readonly header: GroupSignature
  readonly body: SignatureData
}

/** What is to be called, as data: Celery's signature. */
export type SignatureData = TaskSignature | ChainSignature | GroupSignature | ChordSignature

/** Celery's dict, its keys in Celery's order. */
export function encodeSignature(signature: SignatureData): Record<string, unknown> {
  const { args, options, immutable, chordSize } = signature
  return {
    task: signature.kind === 'task' ? signature.task : `celery.${signature.kind}`,
    args,
    kwargs: encodeKwargs(signature),
    options: encodeOptions(options, encodeSignature),
    subtask_type: signature.kind === 'task' ? signature.subtaskType : signature.kind,
    immutable,
    ...(chordSize === undefined ? undefined : { chord_size: chordSize }),
  }
}

function encodeKwargs(signature: SignatureData): Readonly<Record<string, unknown>> {
  const { kwargs } = signature
  switch (signature.kind) {
    case 'task':
      return kwargs
    case 'chain':
    case 'group':
      return { ...kwargs, tasks: signature.tasks.map(encodeSignature) }
    case 'chord':
      return { kwargs, header: encodeSignature(signature.header), body: encodeSignature(signature.body) }
  }
}

/** Throws DecodeError, naming the key, for what is no signature; missing keys are as Celery's defaults. */
export function decodeSignature(value: unknown): SignatureData {
  return decodeAt(value, 0)
}

function decodeAt(value: unknown, depth: number): SignatureData {
  if (depth >= maxDepth) throw new DecodeError(`Signatures are nested more than ${maxDepth} levels deep`)
  if (!isRecord(value)) throw malformed('a signature', 'an object', value)
  const inner = (given: unknown): SignatureData => decodeAt(given, depth + 1)
  const { task, args = [], kwargs = {}, options, subtask_type: type, immutable, chord_size: size } = value
  if (typeof task !== 'string' || task === '') throw malformed('task', 'a name', task)
  if (!Array.isArray(args)) throw malformed(`args of ${task}`, 'a list', args)
  if (!isRecord(kwargs)) throw malformed(`kwargs of ${task}`, 'an object', kwargs)
  const fields = {
    args,
    kwargs,
    options: decodeOptions(options ?? {}, task, inner),
    immutable: immutable === true,
    ...(Number.isInteger(size) ? { chordSize: size as number } : undefined),
  }
  switch (task) {
    case 'celery.chain':
    case 'celery.group': {
      const { tasks, ...rest } = kwargs
      return {
        ...fields,
        kind: task === 'celery.chain' ? 'chain' : 'group',
        tasks: decodeAll(tasks, task, inner),
        kwargs: rest,
      }
    }
    case 'celery.chord':
      return { ...fields, kind: 'chord', ...decodeChord(kwargs, inner) }
    default:
      return { ...fields, kind: 'task', task, subtaskType: typeof type === 'string' ? type : null }
  }
}

type Decode = (value: unknown) => SignatureData

function decodeChord(
  kwargs: Readonly<Record<string, unknown>>,
  decode: Decode,
): Pick<ChordSignature, 'header' | 'body' | 'kwargs'> {
  const { header, body, kwargs: given } = kwargs
  return { header: decodeHeader(header, decode), body: decode(body), kwargs: isRecord(given) ? given : {} }
}

/** A group, or the bare list of its members. */
function decodeHeader(header: unknown, decode: Decode): GroupSignature {
  if (Array.isArray(header)) return groupOf(decodeAll(header, 'celery.chord', decode))
  const decoded = decode(header)
  return decoded.kind === 'group' ? decoded : groupOf([decoded])
}

function groupOf(tasks: readonly SignatureData[]): GroupSignature {
  return { kind: 'group', tasks, args: [], kwargs: {}, options: {}, immutable: false }
}

function decodeAll(value: unknown, task: string, decode: Decode): SignatureData[] {
  if (!Array.isArray(value)) throw malformed(`the tasks of ${task}`, 'a list', value)
  return value.map(decode)
}

function malformed(what: string, expected: string, got: unknown): DecodeError {
  return new DecodeError(`${what} must be ${expected}, got ${describeValue(got)}`)
}
