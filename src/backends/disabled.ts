import { ImproperlyConfigured } from '../errors.ts'
import type { GroupPart, GroupProgress, ResultBackend } from './backend.ts'

/** A backend that keeps nothing: states are dropped, nothing is ever known, watches stay silent. */
export function openDisabledBackend(): ResultBackend {
  return new DisabledBackend()
}

class DisabledBackend implements ResultBackend {
  async store(): Promise<void> {}

  async fetch(taskIds: readonly string[]): Promise<undefined[]> {
    return taskIds.map(() => undefined)
  }

  async watch(): Promise<AsyncDisposable> {
    return { [Symbol.asyncDispose]: async () => {} }
  }

  async forget(): Promise<void> {}

  async addGroupPart(groupId: string): Promise<GroupProgress> {
    throw groupsNeedResults(groupId)
  }

  async setGroupSize(groupId: string): Promise<void> {
    throw groupsNeedResults(groupId)
  }

  async idleGroups(): Promise<[]> {
    return []
  }

  async extendGroup(groupId: string): Promise<void> {
    throw groupsNeedResults(groupId)
  }

  async groupParts(groupId: string): Promise<GroupPart[]> {
    throw groupsNeedResults(groupId)
  }

  async saveGroup(groupId: string): Promise<void> {
    throw groupsNeedResults(groupId)
  }

  async savedGroup(): Promise<undefined> {
    return undefined
  }

  async forgetGroup(): Promise<void> {}

  async closeGroup(groupId: string): Promise<void> {
    throw groupsNeedResults(groupId)
  }

  async keepWorkflow(workflowId: string): Promise<void> {
    throw groupsNeedResults(workflowId)
  }

  async workflowPart(): Promise<undefined> {
    return undefined
  }

  async useWorkflowPart(): Promise<void> {}

  async deleteExpired(): Promise<number> {
    return 0
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function groupsNeedResults(groupId: string): ImproperlyConfigured {
  return new ImproperlyConfigured(
    `Group ${groupId} needs a result backend and result_backend is disabled; set it to sqlite:<path>, for example.`,
  )
}
