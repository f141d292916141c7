import type { SubscribeOptions } from './broker.ts'

/** Nobody waits for a take: that it failed is told once an outage, and its end once. */
export class Outage {
  readonly #tell: NonNullable<SubscribeOptions['onOutage']>
  #isOn = false

  constructor(onOutage: SubscribeOptions['onOutage'] = warn) {
    this.#tell = onOutage
  }

  get isOn(): boolean {
    return this.#isOn
  }

  begin(error: unknown): void {
    if (this.#isOn) return
    this.#isOn = true
    this.#tell(error instanceof Error ? error : new Error(String(error)))
  }

  end(): void {
    if (!this.#isOn) return
    this.#isOn = false
    this.#tell(undefined)
  }
}

function warn(reason: Error | undefined): void {
  if (!reason) return
  process.emitWarning(`No messages can be taken, trying on: ${reason.message}`, { code: 'CELERIAC_BROKER' })
}
