import { inspect } from 'node:util'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly time: Date
  readonly processName: string
  readonly colour: boolean
  readonly fields: object
  /** May hold `{name}`: the field's value goes there. */
  readonly message: string
}

const labels = { debug: 'DEBUG', info: 'INFO', warn: 'WARNING', error: 'ERROR' } as const
const colours = { debug: '34', info: '', warn: '33', error: '31' } as const

/** `[2026-11-20 08:29:10,592: INFO/MainProcess] Task demo.add[…] succeeded in 0.0012s: 5` and a line feed. */
export function formatLine({ level, time, processName, colour, fields, message }: LogLine): string {
  const left = new Map(Object.entries(fields))
  const text = fillIn(message, left)
  const slot = takeSlot(left)
  const task = takeTask(left)
  const blocks = takeBlocks(left)
  const rest = [...left].filter(([, value]) => value !== undefined).map(([name, value]) => ` ${name}=${show(value)}`)
  const line = `[${localTime(time)}: ${labels[level]}/${slot ?? processName}] ${task}${text}${rest.join('')}`
  const whole = [line, ...blocks].join('\n')
  return colour && colours[level] !== '' ? `\u001b[${colours[level]}m${whole}\u001b[39m\n` : `${whole}\n`
}

function fillIn(message: string, left: Map<string, unknown>): string {
  const used = new Set<string>()
  const text = message.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => {
    if (!left.has(name)) return placeholder
    used.add(name)
    const value = left.get(name)
    return typeof value === 'string' ? oneLine(value) : show(value)
  })
  for (const name of used) left.delete(name)
  // A message about a task names it; the id of another field set would only repeat it.
  if (used.has('taskName') && used.has('taskId')) left.delete('queue')
  return text
}

/** Lines of a task itself begin with its name and id, as in Celery's task log format. */
function takeTask(left: Map<string, unknown>): string {
  const taskName = left.get('taskName')
  const taskId = left.get('taskId')
  if (typeof taskName !== 'string' || typeof taskId !== 'string') return ''
  left.delete('taskName')
  left.delete('taskId')
  left.delete('queue')
  return `${oneLine(taskName)}[${oneLine(taskId)}]: `
}

/** A line of a slot bears its name where others have that of the process. */
function takeSlot(left: Map<string, unknown>): string | undefined {
  const slot = left.get('slot')
  if (typeof slot !== 'string') return undefined
  left.delete('slot')
  return oneLine(slot)
}

/** Errors and tracebacks go below the line, with their stacks. */
function takeBlocks(left: Map<string, unknown>): string[] {
  const blocks = []
  for (const [name, value] of left) {
    const block =
      value instanceof Error ? inspect(value, { depth: 4 }) : name === 'traceback' ? traceback(value) : undefined
    if (block === undefined) continue
    left.delete(name)
    blocks.push(block)
  }
  return blocks
}

/** Comes from elsewhere: it keeps its lines, and no other control characters. */
function traceback(value: unknown): string | undefined {
  return typeof value === 'string' ? value.trimEnd().split('\n').map(oneLine).join('\n') : undefined
}

function show(value: unknown): string {
  if (typeof value === 'string') return /^[^\s="]+$/.test(value) ? value : JSON.stringify(value)
  return inspect(value, { depth: 3, breakLength: Infinity, compact: true, maxStringLength: 1000 })
}

/** A value from a message must not be able to fake a log line, or to steer the terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1))
}

function localTime(time: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0')
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
  return `${date} ${clock},${String(time.getMilliseconds()).padStart(3, '0')}`
}
