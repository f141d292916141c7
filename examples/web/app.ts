import { Celeriac, currentTask, type Task } from '../../src/index.ts'

/** One process does both here, so its memory is enough. With `sqlite:./web.db` the worker may be another one. */
export const app: Celeriac = new Celeriac('web', { broker: 'memory:web' })

export interface Report {
  readonly words: number
  readonly longest: string
}

export const analyse: Task<[text: string], Report> = app.task(
  'web.analyse',
  { timeLimit: '1m' },
  async (text: string) => {
    const context = currentTask()
    await context.updateState('PROGRESS', { at: 'counting' })
    await context.sleep('50ms')
    const words = text.split(/\s+/).filter((word) => word !== '')
    return { words: words.length, longest: words.toSorted((a, b) => b.length - a.length)[0] ?? '' }
  },
)
