import type { Celeriac } from '../../app/app.ts'
import { ClusterState } from '../../events/cluster-state.ts'
import { Rates } from './rates.ts'
import { drawScreen, taskRows, type Look } from './screen.ts'
import type { StyleText, TerminalScreen } from './terminal-screen.ts'
import { afterKey, firstView, type Action, type View } from './view.ts'

/** From one picture to the next, while nobody types. */
const pictureMs = 1000

const styles: Readonly<Record<Look, StyleText>> = {
  title: ['bold'],
  cursor: ['inverse'],
  dim: ['dim'],
  good: ['green'],
  bad: ['red'],
  busy: ['cyan'],
}

export interface MonitorOptions {
  readonly app: Celeriac
  readonly screen: TerminalScreen
  /** As it may be shown. */
  readonly broker: string
  readonly signal: AbortSignal
}

/** Shows the workers and tasks of a cluster until somebody quits. */
export async function runMonitor({ app, screen, broker, signal }: MonitorOptions): Promise<void> {
  const state = new ClusterState()
  const rates = new Rates()
  const end = Promise.withResolvers<void>()
  let view: View = firstView
  let shown = rates.sample(state, Date.now())
  const draw = (): void => {
    const paint = (look: Look, text: string): string => screen.paint(styles[look], text)
    screen.show(drawScreen({ state, view, rates: shown, size: screen.size, broker, nowMs: Date.now(), paint }))
  }
  const say = (message: string): void => {
    view = { ...view, message }
    draw()
  }
  const act = (action: Action): void => {
    if (action.kind === 'quit') end.resolve()
    else perform(app, action).then(say, (error: unknown) => say(error instanceof Error ? error.message : String(error)))
  }
  await using receiver = app.events.receiver({ handlers: { '*': (event) => state.apply(event) } })
  await receiver.listen()
  await receiver.wakeup()
  using _ = screen.open(
    (key) => {
      const step = afterKey(view, key, state, taskRows(screen.size, state.workers().length))
      view = step.view
      draw()
      if (step.action) act(step.action)
    },
    () => draw(),
  )
  const timer = setInterval(() => {
    shown = rates.sample(state, Date.now())
    draw()
  }, pictureMs)
  const onAbort = (): void => end.resolve()
  signal.addEventListener('abort', onAbort, { once: true })
  draw()
  try {
    await end.promise
  } finally {
    clearInterval(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

/** Returns what to say of it. */
async function perform(app: Celeriac, action: Exclude<Action, { kind: 'quit' }>): Promise<string> {
  if (action.kind === 'revoke') {
    const { taskId, terminate } = action
    await app.revoke(taskId, { terminate })
    return `revoked ${taskId}`
  }
  const { taskName, rate } = action
  await app.control.rateLimit(taskName, /^\d+(\.\d+)?$/.test(rate) ? Number(rate) : rate)
  return `told all workers: at most ${rate} of ${taskName}`
}
