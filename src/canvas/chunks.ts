import type { AsyncResult } from '../app/async-result.ts'
import { Signature, taskSignature } from '../app/signature.ts'
import type { Task } from '../app/task.ts'
import { InvalidArguments } from '../errors.ts'
import { encodeSignature, type SignatureData } from '../protocol/signature-json.ts'
import { runWorkflow } from './apply.ts'
import type { GroupResult } from './group-result.ts'
import { groupOf } from './compose.ts'

/** A task that is called for each item of a list, one after the other, in one message. */
interface Each<C extends readonly unknown[], R> {
  readonly delay: (...args: C) => Promise<AsyncResult<R>>
}

/** One message that calls the task with each item, one after the other. The result is the list of theirs. */
export function xmap<C extends readonly unknown[], R>(task: Each<C, R>, items: Iterable<C[0]>): Signature<[], R[]> {
  return repeated('celery.map', partsOf(task), items) as Signature<[], R[]>
}

/** As `xmap`, where each item is a list of arguments. */
export function xstarmap<C extends readonly unknown[], R>(
  task: Each<C, R>,
  items: Iterable<Readonly<C>>,
): Signature<[], R[]> {
  return repeated('celery.starmap', partsOf(task), items) as Signature<[], R[]>
}

/** A group of such messages, with so many items each. The result is a list of lists. */
export function chunks<C extends readonly unknown[], R>(
  task: Each<C, R>,
  items: Iterable<Readonly<C>>,
  size: number,
): Signature<[], R[][], GroupResult<R[][]>> {
  if (!Number.isInteger(size) || size < 1)
    throw new InvalidArguments(`chunks() takes a size from 1, got ${String(size)}`)
  const parts = partsOf(task)
  const members: SignatureData[] = []
  let chunk: Readonly<C>[] = []
  const close = (): void => {
    if (chunk.length > 0) members.push(repeated('celery.starmap', parts, chunk).data)
    chunk = []
  }
  for (const item of items) {
    chunk.push(item)
    if (chunk.length === size) close()
  }
  close()
  return new Signature({ data: groupOf(members), appOf: parts.appOf, run: runWorkflow })
}

type Parts = Signature['parts']

function partsOf<C extends readonly unknown[], R>(task: Each<C, R>): Parts {
  return (task as unknown as Task).s().parts
}

function repeated(name: string, { data, appOf }: Parts, items: Iterable<unknown>): Signature<[]> {
  return taskSignature(appOf, name, [], { kwargs: { task: encodeSignature(data), it: [...items] } })
}
