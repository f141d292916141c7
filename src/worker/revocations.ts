import { decodeControlRequest, isAddressedTo } from '../protocol/control-message.ts'
import type { Message } from '../protocol/message.ts'

export interface Revocation {
  readonly terminate: boolean
}

interface RevocationsOptions {
  /** Of this worker: a revoke may be for others. */
  readonly nodeName: string
  /** The oldest are forgotten above this. */
  readonly max: number
  readonly expiresMs: number
  readonly onRevoked: (taskId: string, revocation: Revocation) => void
  readonly now?: () => number
}

/** Ids of revoked tasks, as the control channel told: retained messages first, so that they survive this process. */
export class Revocations {
  readonly #byId = new Map<string, Revocation & { readonly until: number }>()
  readonly #options: RevocationsOptions
  readonly #now: () => number

  constructor(options: RevocationsOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  get size(): number {
    return this.#byId.size
  }

  /** Takes a message of the control channel; anything but a revoke is left to others. */
  accept(message: Message): void {
    const request = decodeControlRequest(message)
    if (request?.method !== 'revoke' || !isAddressedTo(request, this.#options.nodeName)) return
    const { task_id: given, terminate } = request.arguments
    for (const taskId of Array.isArray(given) ? given : [given]) {
      if (typeof taskId === 'string' && taskId !== '') this.add(taskId, { terminate: terminate === true })
    }
  }

  add(taskId: string, revocation: Revocation): void {
    this.#byId.delete(taskId)
    this.#byId.set(taskId, { ...revocation, until: this.#now() + this.#options.expiresMs })
    for (const [oldest, { until }] of this.#byId) {
      if (this.#byId.size <= this.#options.max && until > this.#now()) break
      this.#byId.delete(oldest)
    }
    this.#options.onRevoked(taskId, revocation)
  }

  has(taskId: string): boolean {
    return this.#byId.has(taskId)
  }
}
