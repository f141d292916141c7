import type { Celeriac } from '../app/app.ts'
import type { IdleGroup, ResultBackend } from '../backends/backend.ts'
import { Chords } from '../canvas/chords.ts'
import { lostMembers } from '../canvas/lost-members.ts'

const day = 86_400_000
const longestPauseMs = 10 * 60_000
const shortestPauseMs = 100

/** A chord of which nothing is heard for so long has lost a member. Milliseconds. */
function chordTimeoutMs({ expiresMs, chordTimeoutMs: given }: Celeriac['config']['result']): number {
  // What is known of its members expires, so it must be before that.
  const longest = expiresMs === undefined ? (given ?? 30 * day) : expiresMs * 0.7
  return Math.max(1, Math.min(given ?? longest, longest))
}

/** Fails the chords that wait for members which are gone, now and then: purged, or lost with a worker of Celery. */
export class ChordSweep implements AsyncDisposable {
  readonly #app: Celeriac
  readonly #backend: ResultBackend
  readonly #chords: Chords
  readonly #idleMs: number
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #isDisposed = false

  constructor(app: Celeriac, backend: ResultBackend) {
    this.#app = app
    this.#backend = backend
    this.#chords = new Chords(app, backend)
    this.#idleMs = chordTimeoutMs(app.config.result)
    this.#wait()
  }

  #wait(): void {
    if (this.#isDisposed) return
    const pauseMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, this.#idleMs / 8))
    // Several workers do not do it at once.
    this.#timer = setTimeout(this.#run, pauseMs * (0.75 + Math.random() / 4)).unref()
  }

  readonly #run = (): void => {
    this.#running = this.#sweep().finally(() => this.#wait())
  }

  async #sweep(): Promise<void> {
    try {
      for (const group of await this.#backend.idleGroups(this.#idleMs)) await this.#fail(group)
    } catch (error) {
      this.#app.log.warn({ err: error }, 'Chords that lost members could not be looked for; trying again later')
    }
  }

  async #fail(group: IdleGroup): Promise<void> {
    const { groupId, missing } = group
    this.#app.log.error({ groupId, missing }, 'The chord {groupId} lost {missing} of its members, and fails')
    const { outgoing, groups } = await this.#chords.report(lostMembers(group, this.#idleMs))
    if (outgoing.length > 0) await (await this.#app.openBroker()).publish(outgoing)
    for (const each of groups) await this.#backend.closeGroup(each)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    clearTimeout(this.#timer)
    await this.#running
  }
}
