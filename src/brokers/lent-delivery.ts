import { LoanLost } from '../errors.ts'

/** Only a `lent` delivery can be settled. */
type State = 'lent' | 'settling' | 'over'

/** The states of a delivery that a store outside this process lends: a settlement takes time, and may fail. */
export abstract class LentDelivery {
  abstract readonly queue: string
  #state: State = 'lent'
  #isLost = false
  /** Made when it is asked for: most deliveries are settled without. */
  #lost: AbortController | undefined

  /** Looks whether the loan is over, or may be because the process stood still; tells so by `lose`. */
  protected abstract look(): void
  /** So many slots of the subscription are free, or taken again if negative. */
  protected abstract release(count: number): void
  /** The loan is over: forgotten by who keeps what is held. */
  protected abstract leave(): void

  get isLost(): boolean {
    if (this.#state === 'lent') this.look()
    return this.#isLost
  }

  get lost(): AbortSignal {
    if (this.#state === 'lent') this.look()
    this.#lost ??= new AbortController()
    if (this.#isLost && !this.#lost.signal.aborted) this.#lost.abort(this.#lossReason())
    return this.#lost.signal
  }

  get isLent(): boolean {
    return this.#state === 'lent'
  }

  /** Its settlement is on the way: its slot is free. */
  startSettling(): void {
    this.#state = 'settling'
    this.release(1)
  }

  /** Its settlement could not be carried out: it is lent as before, and may be settled again. */
  resumeLoan(): void {
    if (this.#state !== 'settling') return
    this.#state = 'lent'
    this.release(-1)
  }

  finish(): void {
    this.#state = 'over'
    this.leave()
  }

  /** The loan is over without having been settled by this delivery. */
  lose(): void {
    if (this.#state === 'over') return
    if (this.#state === 'lent') this.release(1)
    this.finish()
    this.tellLost()
  }

  tellLost(): void {
    this.#isLost = true
    this.#lost?.abort(this.#lossReason())
  }

  #lossReason(): LoanLost {
    return new LoanLost(`The loan of a message of queue '${this.queue}' is over: it is given to somebody else`)
  }
}
