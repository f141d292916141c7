import type { ClusterState } from '../../events/cluster-state.ts'
import type { TaskSnapshot } from '../../events/task-snapshot.ts'
import { isAlive, type WorkerSnapshot } from '../../events/worker-snapshot.ts'
import { printable } from '../output.ts'
import type { RatesShown } from './rates.ts'
import { selectedTask, type View } from './view.ts'

export interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

/** How a part of a line looks. */
export type Look = 'title' | 'cursor' | 'dim' | 'good' | 'bad' | 'busy'

export interface Picture {
  readonly state: ClusterState
  readonly view: View
  readonly rates: RatesShown
  readonly size: ScreenSize
  /** Where the events come from. */
  readonly broker: string
  readonly nowMs: number
  /** Colours, where there are any. */
  readonly paint?: (look: Look, text: string) => string
}

/** Of the workers that are shown above the tasks. */
const mostWorkers = 6
const plain = (_look: Look, text: string): string => text
const help = [
  'j k ↓ ↑   move, also with page keys; Home: stay at the newest',
  'i Enter   all that is known of the task',
  'r         its result',
  't         its traceback',
  'c         revoke it',
  'l         limit the rate of all tasks of its name',
  'q Ctrl-C  quit',
]

/** How many tasks the screen has room for. */
export function taskRows({ rows }: ScreenSize, workerCount: number): number {
  return Math.max(1, rows - 5 - Math.min(workerCount, mostWorkers))
}

/** The screen as lines, as many as there are rows, none longer than its columns (before colours). */
export function drawScreen(picture: Picture): string[] {
  const { view, size, state } = picture
  const body = view.page === 'list' ? listPage(picture) : detailPage(picture, selectedTask(view, state))
  const lines = [header(picture), ...body].slice(0, size.rows - 1)
  while (lines.length < size.rows - 1) lines.push('')
  return [...lines, footer(picture)]
}

function header({ state, rates, size, broker, nowMs, paint = plain }: Picture): string {
  const workers = state.workers()
  const alive = workers.filter((worker) => isAlive(worker, nowMs)).length
  const figures = [
    `workers ${alive}/${workers.length}`,
    `tasks ${state.tasks().length}`,
    `events ${rates.events.toFixed(1)}/s`,
    `succeeded ${rates.succeeded.toFixed(1)}/s`,
    `failed ${rates.failed.toFixed(1)}/s`,
  ].join('  ')
  return paint('title', fit(`celeriac events  ${figures}  ${broker}`, size.columns))
}

function listPage({ state, view, size, nowMs, paint = plain }: Picture): string[] {
  const { columns } = size
  const workers = state.workers()
  const shown = workers.toSorted((a, b) => Number(isAlive(b, nowMs)) - Number(isAlive(a, nowMs))).slice(0, mostWorkers)
  const tasks = state.tasks()
  const room = taskRows(size, shown.length)
  const at = Math.max(
    0,
    tasks.findIndex(({ taskId }) => taskId === view.selected),
  )
  const from = Math.max(0, Math.min(at - Math.floor(room / 2), tasks.length - room))
  const widths = taskWidths(columns)
  return [
    paint('dim', fit(workerLine(['WORKER', 'STATE', 'ACTIVE', 'DONE', 'LOAD', 'SOFTWARE'], columns), columns)),
    ...shown.map((worker) => paint(isAlive(worker, nowMs) ? 'good' : 'bad', describeWorker(worker, nowMs, columns))),
    paint('dim', fit(cells(['UUID', 'TASK', 'WORKER', 'TIME', 'STATE'], widths), columns)),
    ...tasks.slice(from, from + room).map((task, index) => {
      const line = fit(cells(taskCells(task), widths), columns)
      return paint(from + index === at ? 'cursor' : lookOf(task.state), line)
    }),
  ]
}

function describeWorker(worker: WorkerSnapshot, nowMs: number, columns: number): string {
  const { hostname, active, processed, loadavg, swIdent, swVer } = worker
  const texts = [
    hostname,
    isAlive(worker, nowMs) ? 'online' : 'offline',
    String(active ?? '?'),
    String(processed ?? '?'),
    loadavg?.[0]?.toFixed(2) ?? '?',
    `${swIdent ?? '?'} ${swVer ?? ''}`,
  ]
  return fit(workerLine(texts, columns), columns)
}

function workerLine(texts: readonly string[], columns: number): string {
  return cells(texts, [Math.max(16, Math.floor(columns / 3)), 8, 7, 9, 6, 20])
}

function taskCells({ taskId, name, worker, timestampMs, state }: TaskSnapshot): string[] {
  return [taskId, name ?? '?', worker ?? '', new Date(timestampMs).toISOString().slice(11, 19), state]
}

function taskWidths(columns: number): number[] {
  const rest = Math.max(16, columns - 36 - 8 - 10 - 4)
  const worker = Math.min(24, Math.floor(rest / 2))
  return [36, rest - worker, worker, 8, 10]
}

function detailPage({ view, size }: Picture, task: TaskSnapshot | undefined): string[] {
  const lines = view.page === 'help' || !task ? help : detail(view.page, task)
  return ['', ...lines.flatMap((line) => wrap(line, size.columns)), '', 'any key: back']
}

function detail(page: View['page'], task: TaskSnapshot): string[] {
  if (page === 'result') return [task.result ?? task.exception ?? 'no result is known']
  if (page === 'traceback') return (task.traceback ?? 'no traceback is known').split('\n')
  const { at, traceback: _traceback, ...fields } = task
  const times = Object.entries(at).map(([type, ms]) => [type, new Date(ms).toISOString()])
  return [...Object.entries({ ...fields, timestampMs: undefined }), ...times]
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${String(name).padEnd(16)} ${typeof value === 'number' ? rounded(value) : String(value)}`)
}

/** To three places: a part of a second in ms has more, which nobody measured. */
function rounded(value: number): string {
  return String(Number(value.toFixed(3)))
}

function footer({ view, state, size, paint = plain }: Picture): string {
  const { asking, message } = view
  const task = selectedTask(view, state)
  const question =
    asking?.what === 'revoke'
      ? `revoke ${task?.taskId}? y: yes, t: and stop it if it runs, any other key: no`
      : `rate limit of ${task?.name}, such as 10/m (0: none): ${asking?.typed}`
  if (asking) return paint('title', fit(question, size.columns))
  const keys = 'j/k move  i info  r result  t traceback  c revoke  l rate limit  h help  q quit'
  return paint('dim', fit(message === '' ? keys : message, size.columns))
}

function lookOf(state: string): Look {
  if (state === 'SUCCESS') return 'good'
  if (state === 'FAILURE' || state === 'REVOKED' || state === 'REJECTED') return 'bad'
  return state === 'STARTED' ? 'busy' : 'dim'
}

function cells(texts: readonly string[], widths: readonly number[]): string {
  return texts.map((text, index) => fit(text, widths[index] ?? 0).padEnd(widths[index] ?? 0)).join(' ')
}

/** On one line, with control characters shown, no longer than `columns`. */
function fit(text: string, columns: number): string {
  const shown = printable(text)
  return shown.length <= columns ? shown : `${shown.slice(0, Math.max(0, columns - 1))}…`
}

function wrap(text: string, columns: number): string[] {
  const shown = printable(text)
  const lines = []
  for (let from = 0; from < shown.length; from += columns) lines.push(shown.slice(from, from + columns))
  return lines.length === 0 ? [''] : lines
}
