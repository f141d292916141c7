import type { GroupPart, GroupProgress, IdleGroup } from './backend.ts'
import { loadPart } from './stored-meta.ts'

interface StoredPart {
  readonly index: number
  readonly text: string
  readonly token: string | undefined
}

interface StoredGroup {
  readonly parts: Map<string, StoredPart & { readonly place: number }>
  size: number | undefined
  extra: number
  isClosed: boolean
  /** Saved for who knows the group's id. */
  taskIds: readonly string[] | undefined
  expiresAt: number
  /** Of a chord. */
  body: string | undefined
  touchedAt: number
}

/** The groups that all memory backends of one name share. */
export class MemoryGroups {
  readonly stored: Map<string, StoredGroup> = new Map()

  add(groupId: string, taskId: string, part: StoredPart, expiresAt: number): GroupProgress {
    const group = this.#open(groupId, expiresAt)
    const size = group.size === undefined ? undefined : group.size + group.extra
    if (group.isClosed) return { place: 0, isFirst: false, size }
    const { place = group.parts.size + 1, token = part.token } = group.parts.get(taskId) ?? {}
    group.parts.set(taskId, { ...part, token, place })
    return { place, isFirst: token === part.token, size }
  }

  setSize(groupId: string, size: number, body: string | undefined, expiresAt: number): void {
    const group = this.#open(groupId, expiresAt)
    group.size = size
    if (!group.isClosed) group.body = body ?? group.body
  }

  idle(idleMs: number): IdleGroup[] {
    const now = Date.now()
    const idle: IdleGroup[] = []
    for (const [groupId, group] of this.stored) {
      const { body, size, extra, parts, isClosed, touchedAt } = group
      if (isClosed || body === undefined || size === undefined || touchedAt > now - idleMs) continue
      group.touchedAt = now
      idle.push({ groupId, body, missing: size + extra - parts.size })
    }
    return idle
  }

  extend(groupId: string, expiresAt: number): void {
    this.#open(groupId, expiresAt).extra++
  }

  parts(groupId: string): GroupPart[] {
    const parts = [...(this.stored.get(groupId)?.parts.values() ?? [])]
    return inOrder(parts.map(({ index, text }) => loadPart(index, text)))
  }

  save(groupId: string, taskIds: readonly string[], expiresAt: number): void {
    this.#open(groupId, expiresAt).taskIds = [...taskIds]
  }

  saved(groupId: string): readonly string[] | undefined {
    const group = this.stored.get(groupId)
    return group && group.expiresAt > Date.now() ? group.taskIds : undefined
  }

  forget(groupId: string): void {
    const group = this.stored.get(groupId)
    if (group) group.taskIds = undefined
  }

  close(groupId: string, expiresAt: number): void {
    const group = this.#open(groupId, expiresAt)
    group.isClosed = true
    group.parts.clear()
    group.body = undefined
  }

  #open(groupId: string, expiresAt: number): StoredGroup {
    const group = this.stored.get(groupId) ?? {
      parts: new Map(),
      size: undefined,
      extra: 0,
      isClosed: false,
      taskIds: undefined,
      expiresAt,
      body: undefined,
      touchedAt: 0,
    }
    group.expiresAt = expiresAt
    group.touchedAt = Date.now()
    this.stored.set(groupId, group)
    return group
  }
}

function inOrder(parts: GroupPart[]): GroupPart[] {
  return parts.toSorted((a, b) => a.index - b.index || (a.taskId < b.taskId ? -1 : 1))
}
