import type { ClusterState } from '../../events/cluster-state.ts'
import type { TaskSnapshot } from '../../events/task-snapshot.ts'

/** What somebody looks at. */
export interface View {
  /** Id of the task at the cursor; undefined: the newest, whichever that is. */
  readonly selected: string | undefined
  readonly page: 'list' | 'info' | 'result' | 'traceback' | 'help'
  /** A question at the bottom, and what is typed so far. */
  readonly asking: { readonly what: 'revoke' | 'rate'; readonly typed: string } | undefined
  /** What came of the last action. */
  readonly message: string
}

export const firstView: View = { selected: undefined, page: 'list', asking: undefined, message: '' }

/** What a key asks of the cluster. */
export type Action =
  | { readonly kind: 'quit' }
  | { readonly kind: 'revoke'; readonly taskId: string; readonly terminate: boolean }
  | { readonly kind: 'rateLimit'; readonly taskName: string; readonly rate: string }

export interface Step {
  readonly view: View
  readonly action?: Action
}

/** The view after a key, named as node:readline names it. `rows`: how many tasks fit on the screen. */
export function afterKey(view: View, key: string, state: ClusterState, rows: number): Step {
  if (key === 'ctrl-c') return { view, action: { kind: 'quit' } }
  if (view.asking) return afterAnswer(view, view.asking, key, state)
  if (view.page !== 'list') return { view: { ...view, page: 'list' } }
  const moved = (by: number): Step => ({ view: { ...view, message: '', selected: move(view, state, by) } })
  switch (key) {
    case 'q':
      return { view, action: { kind: 'quit' } }
    case 'j':
    case 'down':
      return moved(1)
    case 'k':
    case 'up':
      return moved(-1)
    case 'pagedown':
      return moved(rows)
    case 'pageup':
      return moved(-rows)
    case 'home':
      return { view: { ...view, message: '', selected: undefined } }
    case 'end':
      return moved(Infinity)
    case 'i':
    case 'return':
      return open(view, state, 'info')
    case 'r':
      return open(view, state, 'result')
    case 't':
      return open(view, state, 'traceback')
    case 'h':
    case '?':
      return { view: { ...view, page: 'help' } }
    case 'c':
      return ask(view, state, 'revoke')
    case 'l':
      return ask(view, state, 'rate')
    default:
      return { view }
  }
}

/** The task at the cursor. */
export function selectedTask({ selected }: View, state: ClusterState): TaskSnapshot | undefined {
  return (selected === undefined ? undefined : state.task(selected)) ?? state.tasks({ limit: 1 })[0]
}

/** The first row is the newest, and stays it while tasks come in. */
function move({ selected }: View, state: ClusterState, by: number): string | undefined {
  const tasks = state.tasks()
  const at = tasks.findIndex(({ taskId }) => taskId === selected)
  const next = Math.max(0, Math.min(tasks.length - 1, Math.max(0, at) + by))
  return next === 0 && by < 0 ? undefined : tasks[next]?.taskId
}

/** What is opened stays at its task, also when others come in. */
function open(view: View, state: ClusterState, page: View['page']): Step {
  const task = selectedTask(view, state)
  return task ? { view: { ...view, page, selected: task.taskId, message: '' } } : { view }
}

function ask(view: View, state: ClusterState, what: 'revoke' | 'rate'): Step {
  const task = selectedTask(view, state)
  if (!task) return { view: { ...view, message: 'there is no task' } }
  if (what === 'rate' && task.name === undefined)
    return { view: { ...view, message: 'the name of the task is not known' } }
  return { view: { ...view, selected: task.taskId, asking: { what, typed: '' }, message: '' } }
}

function afterAnswer(view: View, asking: NonNullable<View['asking']>, key: string, state: ClusterState): Step {
  const answered = { ...view, asking: undefined }
  const task = selectedTask(view, state)
  if (key === 'escape' || !task) return { view: answered }
  if (asking.what === 'revoke') {
    if (key !== 'y' && key !== 't') return { view: answered }
    return { view: answered, action: { kind: 'revoke', taskId: task.taskId, terminate: key === 't' } }
  }
  const { typed } = asking
  if (key === 'backspace') return { view: { ...view, asking: { ...asking, typed: typed.slice(0, -1) } } }
  if (key !== 'return')
    return { view: key.length === 1 ? { ...view, asking: { ...asking, typed: typed + key } } : view }
  if (typed === '' || task.name === undefined) return { view: answered }
  return { view: answered, action: { kind: 'rateLimit', taskName: task.name, rate: typed } }
}
