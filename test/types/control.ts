// Checked by the compiler alone: questions and commands are typed from end to end.
import { Celeriac, type Replies, type TaskInfo, type WorkerStats } from '../../src/index.ts'

const app = new Celeriac('types')

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function exactly<A, B>(_same: Equal<A, B>): void {}

const inspect = app.control.inspect({ destination: 'w1@host', timeout: '3s', pattern: 'w*', matcher: 'glob', limit: 2 })
const active = inspect.active()
exactly<typeof active, Promise<Replies<TaskInfo[]>>>(true)
const stats = inspect.stats()
exactly<typeof stats, Promise<Replies<WorkerStats>>>(true)

// @ts-expect-error there is no such matcher
app.control.inspect({ matcher: 'regexp' })
// @ts-expect-error limits are numbers of seconds
void app.control.timeLimit('shop.add', { soft: '1s' })

const clear = app.controlCommand(
  'clear',
  { args: { prefix: 'text', most: 'integer?', names: 'texts?' } },
  (worker, args) => {
    exactly<typeof args.prefix, string>(true)
    exactly<typeof args.most, number | undefined>(true)
    exactly<typeof args.names, readonly string[] | undefined>(true)
    return { on: worker.name, cleared: args.most ?? 0 }
  },
)
const cleared = clear({ prefix: 'a', most: 3 }, { reply: true })
exactly<typeof cleared, Promise<Replies<{ on: string; cleared: number }>>>(true)
// @ts-expect-error the prefix is missing
void clear({ most: 3 })
// @ts-expect-error most is a number
void clear({ prefix: 'a', most: '3' })

const size = app.inspectCommand('size', {}, async (worker) => Promise.resolve(worker.running))
const sizes = size({})
exactly<typeof sizes, Promise<Replies<number>>>(true)
// @ts-expect-error there is no such kind
app.inspectCommand('odd', { args: { x: 'date' } }, () => 1)
