import type { CompiledOptions } from '../app/compiled-options.ts'
import type { TaskHeaders } from '../protocol/task-message.ts'

/** The call's word counts before the task's. */
export function ignoresResult(headers: TaskHeaders, options: CompiledOptions): boolean {
  return headers.ignoreResult ?? options.ignoreResult
}

/** Failures may be kept even where results are not. */
export function storesErrors(headers: TaskHeaders, options: CompiledOptions): boolean {
  return !ignoresResult(headers, options) || options.storeErrorsEvenIfIgnored
}
