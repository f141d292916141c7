import type { Celeriac } from '../app/app.ts'
import type { Codec } from '../app/codec.ts'
import { saysUnavailable } from '../app/database-errors.ts'
import { Redactor } from '../app/redaction.ts'
import { serveSlot, type SlotAttempt, type SlotBody, type SlotJob, type SlotVoice } from '../pools/open-slot.ts'
import type { Outcome } from '../pools/pool.ts'
import { readTask, type ReceivedTask } from '../protocol/task-message.ts'
import { encodeTaskMeta, type TaskMeta } from '../protocol/task-meta.ts'
import { dumpJson } from '../protocol/typed-json.ts'
import { markAsSlot } from '../util/slot-mark.ts'
import { Executor } from './executor.ts'
import { loadSlotApp } from './slot-app.ts'
import { slotLogger } from './slot-log.ts'
import type { SlotSetup } from './slot-setup.ts'

/** The pipeline in a slot, with an app of its own: its connections are opened here, when a task uses them, and closed at the end. */
class Slot implements SlotBody {
  readonly #app: Celeriac
  readonly #workerName: string
  readonly #codec: Codec
  readonly #executor: Executor
  #attempt: SlotAttempt | undefined
  /** What runs, or ran last. */
  #received: ReceivedTask | undefined

  constructor(app: Celeriac, workerName: string, codec: Codec) {
    this.#app = app
    this.#workerName = workerName
    this.#codec = codec
    this.#executor = new Executor(app, { hostname: workerName, codec, isEager: false, store: this.#store })
  }

  execute(job: SlotJob, attempt: SlotAttempt): Promise<Outcome> {
    const received = readTask(job.message, () => this.#codec.load(job.message))
    const { headers, protocol } = received
    this.#received = received
    this.#attempt = attempt
    return this.#executor.execute({ ...job, headers, protocol }, attempt)
  }

  /** An error that escaped from a body may quote what its task keeps secret. */
  withoutSecrets(text: string): string {
    const redactor = this.#received && Redactor.of(this.#app.tasks.get(this.#received.headers.task))
    if (!this.#received || !redactor) return text
    try {
      redactor.arguments(this.#received.body())
      return redactor.text(text)
    } catch {
      return 'its task keeps secrets, and its arguments cannot be read'
    }
  }

  async close(): Promise<void> {
    await this.#app.signals.emit('workerProcessShutdown', { workerName: this.#workerName })
    await this.#app.close()
  }

  /** Encoded here, so that what cannot be written fails the task. */
  readonly #store = async (meta: TaskMeta): Promise<void> => {
    await this.#attempt?.store(dumpJson(encodeTaskMeta(meta)))
  }
}

async function load(setup: unknown, voice: SlotVoice): Promise<SlotBody> {
  const { workerName, logLevels } = setup as SlotSetup
  markAsSlot(voice.name)
  let app: Celeriac | undefined
  let slot: Slot | undefined
  process.on('uncaughtException', (error: unknown, origin) => {
    // Others who listen decide.
    if (process.listenerCount('uncaughtException') > 1) return
    if (app && app.models.adapters.length > 0 && saysUnavailable(error)) {
      const reason = error instanceof Error ? error.message : String(error)
      app.log.error({ err: error, reason }, 'A database driver let an error escape, the slot goes on: {reason}')
      return
    }
    const what = origin === 'unhandledRejection' ? 'a rejection that nobody handled' : 'an error that nobody caught'
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    voice.die(`${what}: ${slot?.withoutSecrets(text) ?? text}`)
  })
  app = await loadSlotApp(setup as SlotSetup)
  app.setLogger(slotLogger(logLevels, (line) => voice.log(line)))
  app.outboxCommits.on(() => voice.note('outboxWritten'))
  const codec = await app.connections.codec()
  await app.signals.emit('workerProcessInit', { workerName })
  slot = new Slot(app, workerName, codec)
  return slot
}

serveSlot(load)
