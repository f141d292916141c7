import type { Celeriac } from '../app/app.ts'
import type { ResultBackend } from '../backends/backend.ts'
import { hasFollowers } from '../canvas/continuation.ts'
import type { KeptPart } from '../canvas/rest.ts'
import { DecodeError } from '../errors.ts'
import type { Job } from '../pools/pool.ts'
import { readTask } from '../protocol/task-message.ts'
import type { Request } from './request.ts'

/**
 * Lets the body of a task with `acksLate: false` begin at most once. The message of most is acknowledged before. On a task
 * in a workflow others wait, who must be told if its worker dies: its message is held until the end, and the result
 * backend notes that the body began. Whoever gets the message then does not run it again.
 */
export class EarlyAcknowledgement {
  readonly #app: Celeriac
  readonly #backend: ResultBackend

  constructor(app: Celeriac, backend: ResultBackend) {
    this.#app = app
    this.#backend = backend
  }

  /** False: the body began before, and must not again. */
  async begin(request: Request): Promise<boolean> {
    if (!this.#app.keepsResults || !(await this.#isInWorkflow(request.job))) {
      await request.delivery.acknowledge()
      request.isSettled = true
      return true
    }
    const note = noteOf(request)
    request.begun = note
    if (request.job.deliveryCount > 1 && (await this.#backend.workflowPart(note.workflowId, note.part)) !== undefined) {
      // Its worker died between the result and what follows: the pipeline goes on with that result.
      const [meta] = await this.#backend.fetch([request.id])
      return meta?.status === 'SUCCESS'
    }
    await this.#backend.keepWorkflow(note.workflowId, ['begun'])
    return true
  }

  async #isInWorkflow({ message }: Job): Promise<boolean> {
    // Signatures have a task; most bodies that are text have none.
    if (typeof message.body === 'string' && !message.body.includes('"task"')) return false
    const codec = await this.#app.connections.codec()
    try {
      return hasFollowers(readTask(message, () => codec.load(message)).body().embed)
    } catch (error) {
      if (error instanceof DecodeError) return false
      throw error
    }
  }
}

function noteOf({ id, headers: { retries } }: Request): KeptPart {
  return { workflowId: `begun-${id}-${retries}`, part: 0 }
}
