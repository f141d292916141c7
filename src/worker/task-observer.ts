import type { Delivery } from '../brokers/broker.ts'
import type { Outcome } from '../pools/pool.ts'
import type { TaskHeaders } from '../protocol/task-message.ts'
import type { Request } from './request.ts'

/** Why a message goes among the dead letters without having run. */
export type Burial =
  | { readonly kind: 'unreadable'; readonly error: unknown }
  | { readonly kind: 'unknown'; readonly headers: TaskHeaders }
  | { readonly kind: 'tooManyDeliveries'; readonly request: Request }

/**
 * Is told what happens to the tasks of a worker, in the middle of its work: it must neither throw nor take long. Every
 * attempt that is started is ended, in whichever pool it runs; one that is received may also be discarded or go back.
 */
export interface TaskObserver {
  /** It is not revoked, expired or deferred, and will run. `request.receivedAtMs` is set. */
  received(request: Request): void
  /** A slot begins with it. `request.startedAtMs` is set. */
  started(request: Request): void
  /** The attempt is over, and what it had to store is stored; its message is not settled yet. */
  ended(request: Request, outcome: Outcome): void
  /** It will not run: REVOKED is stored. */
  discarded(request: Request, reason: 'revoked' | 'expired'): void
  buried(delivery: Delivery, burial: Burial): void
}

/** Who observes a worker's tasks. Costs nothing where nobody does: `active` is undefined then. */
export class TaskObservers {
  #all: readonly TaskObserver[] = []
  #active: TaskObserver | undefined

  /** What is to be told. */
  get active(): TaskObserver | undefined {
    return this.#active
  }

  /** Returns the function that takes the observer off again. */
  add(observer: TaskObserver): () => void {
    this.#set([...this.#all, observer])
    return () => this.#set(this.#all.filter((other) => other !== observer))
  }

  #set(all: readonly TaskObserver[]): void {
    this.#all = all
    this.#active = all.length > 1 ? fanOut(all) : all[0]
  }
}

function fanOut(all: readonly TaskObserver[]): TaskObserver {
  return {
    received: (request) => {
      for (const each of all) each.received(request)
    },
    started: (request) => {
      for (const each of all) each.started(request)
    },
    ended: (request, outcome) => {
      for (const each of all) each.ended(request, outcome)
    },
    discarded: (request, reason) => {
      for (const each of all) each.discarded(request, reason)
    },
    buried: (delivery, burial) => {
      for (const each of all) each.buried(delivery, burial)
    },
  }
}
