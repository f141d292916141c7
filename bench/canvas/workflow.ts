import { chain, chord, group, type AnySignature, type Celeriac } from '../../src/index.ts'

export interface Workflow {
  /** `chords`: so many chords of ten, one after the other, behind a task. */
  readonly form: 'chain' | 'group' | 'chord' | 'chords'
  readonly count: number
}

export interface Measured {
  /** Of the bodies of all messages that a worker got, and of what was kept. */
  readonly bytes: number
  readonly publishMs: number
  readonly doneMs: number
}

/** The same tasks as in python/canvas_app.py. */
export function workflowOf(app: Celeriac, { form, count }: Workflow): AnySignature {
  const add = app.task('bench.add', (x: number, y: number) => x + y)
  const sum = app.task('bench.sum', (values: readonly number[]) => values.reduce((total, value) => total + value, 0))
  function* members(): Generator<ReturnType<typeof add.s<[number, number]>>> {
    for (let n = 0; n < count; n++) yield add.s(n, 1)
  }
  switch (form) {
    case 'chain':
      return chain(add.s(0, 0), ...(Array.from({ length: count - 1 }, () => add.s(1)) as never[])) as AnySignature
    case 'group':
      return group(members())
    case 'chord':
      return chord(group(members()), sum.s())
    case 'chords': {
      const ten = (): AnySignature[] => [group(...Array.from({ length: 10 }, () => add.s(1))), sum.s()]
      return chain(add.s(0, 0), ...(Array.from({ length: count }, ten).flat() as never[])) as AnySignature
    }
  }
}
