import { currentTask, Reject, type Celeriac, type Task } from '../../src/index.ts'

export class ServiceDown extends Error {
  override name = 'ServiceDown'
}

export interface Tasks {
  readonly flaky: Task<[], string>
  readonly hopeless: Task<[], void>
  readonly picky: Task<[amount: number], number>
}

export function defineTasks(app: Celeriac): Tasks {
  const options = { autoretryFor: [ServiceDown], retryBackoff: '20ms', retryJitter: false } as const
  return {
    /** Works at the third attempt. */
    flaky: app.task('mail.flaky', { ...options, maxRetries: 5 }, () => {
      const { retries } = currentTask().request
      if (retries < 2) throw new ServiceDown(`attempt ${retries + 1} found nobody`)
      return `worked at attempt ${retries + 1}`
    }),

    /** Fails for good when its retries are used up. */
    hopeless: app.task('mail.hopeless', { ...options, maxRetries: 1 }, () => {
      throw new ServiceDown('still nobody')
    }),

    /** Refuses a message, which is then kept with the reason. */
    picky: app.task('mail.picky', (amount: number) => {
      if (amount < 0) throw new Reject(`negative amount ${amount}`)
      return amount
    }),
  }
}
