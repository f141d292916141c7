import { Celeriac, type Task } from '../../src/index.ts'

/** Both processes import it: the name of the file is all that they share. */
export const app: Celeriac = new Celeriac('hello', { broker: 'sqlite:./hello.db' })

export const greet: Task<[name: string], string> = app.task(
  'hello.greet',
  (name: string) => `Hello ${name}, from process ${process.pid}`,
)
