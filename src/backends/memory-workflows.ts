interface StoredWorkflow {
  /** Null: used. */
  readonly parts: (string | null)[]
  expiresAt: number
}

/** The parts of workflows that all memory backends of one name share. */
export class MemoryWorkflows {
  readonly stored: Map<string, StoredWorkflow> = new Map()

  keep(workflowId: string, parts: readonly string[], expiresAt: number): void {
    this.stored.set(workflowId, { parts: [...parts], expiresAt })
  }

  part(workflowId: string, part: number, expiresAt: number): string | null | undefined {
    const workflow = this.#known(workflowId)
    if (!workflow) return undefined
    if (workflow.parts.some((text) => text !== null)) workflow.expiresAt = expiresAt
    return workflow.parts[part]
  }

  /** `expiresAt`: of what remembers that all is over. */
  use(workflowId: string, part: number, expiresAt: number): void {
    const workflow = this.#known(workflowId)
    if (!workflow || part >= workflow.parts.length) return
    workflow.parts[part] = null
    if (workflow.parts.every((text) => text === null)) workflow.expiresAt = expiresAt
  }

  #known(workflowId: string): StoredWorkflow | undefined {
    const workflow = this.stored.get(workflowId)
    return workflow && workflow.expiresAt > Date.now() ? workflow : undefined
  }
}
