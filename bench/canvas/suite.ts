import type { Suite } from '../lib/suite.ts'
import { workflow } from './cases.ts'

export const canvas: Suite = {
  name: 'canvas',
  description: 'bytes and time of workflows over Redis, beside Python Celery',
  needsRedis: true,
  cases: [
    workflow('chain of 100', { form: 'chain', count: 100 }),
    workflow('chain of 1,000', { form: 'chain', count: 1000 }),
    workflow('group of 20,000', { form: 'group', count: 20_000 }),
    workflow('chord of 20,000', { form: 'chord', count: 20_000 }),
    workflow('1 chord of 10 after a task', { form: 'chords', count: 1 }),
    workflow('2 chords of 10, one after the other', { form: 'chords', count: 2 }),
    workflow('3 chords of 10, one after the other', { form: 'chords', count: 3 }),
    // Celery's first message of four has ten megabytes, and of six more than a gigabyte.
    workflow('6 chords of 10, one after the other', { form: 'chords', count: 6 }, { isOurs: true }),
  ],
}
