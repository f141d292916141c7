import { inspect } from 'node:util'
import type { SlotLog } from '../pools/open-slot.ts'
import type { Logger, LogLevel } from '../util/logger.ts'

/** A logger whose lines the parent writes. Errors cross as what can be read of them, other objects that cannot cross as text. */
export function slotLogger(levels: readonly LogLevel[], send: (line: SlotLog) => void): Logger {
  const writer = (level: LogLevel): Logger['info'] => {
    if (!levels.includes(level)) return () => undefined
    return (fields, message) => {
      const readable = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, crossing(value)]))
      send({ level, fields: readable, message })
    }
  }
  return {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    isLevelEnabled: (level) => levels.includes(level),
  }
}

/** Writes a line of a slot. */
export function writeSlotLine(log: Logger, slot: string, { level, fields, message }: SlotLog): void {
  const revived = Object.entries(fields).map(([name, value]) => [name, revive(value)] as const)
  log[level]({ slot, ...Object.fromEntries(revived) }, message)
}

class CrossedError {
  readonly crossedError = true
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: unknown

  constructor(error: Error) {
    this.name = error.name
    this.message = error.message
    this.stack = error.stack
    this.code = 'code' in error ? crossing(error.code) : undefined
  }
}

function crossing(value: unknown): unknown {
  if (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol') return value
  if (value === null) return null
  if (value instanceof Error) return new CrossedError(value)
  try {
    return structuredClone(value)
  } catch {
    return inspect(value)
  }
}

function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('crossedError' in value)) return value
  const { name, message, stack, code } = value as CrossedError
  return Object.assign(new Error(message), { name, stack, ...(code !== undefined && { code }) })
}
