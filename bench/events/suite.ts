import type { Suite } from '../lib/suite.ts'
import { eventsOff, eventsOn } from './cases.ts'
import { inspected, inspecting } from './inspecting.ts'

export const events: Suite = {
  name: 'events',
  description: 'what events of tasks cost a worker of no-op tasks, on SQLite and Redis',
  needsRedis: true,
  cases: [
    eventsOn('celeriac-sqlite', 60_000, 'nobody'),
    eventsOn('celeriac-sqlite', 60_000, 'a listener'),
    eventsOn('celeriac-sqlite', 60_000, 'a monitor'),
    eventsOn('celeriac-redis', 100_000, 'nobody'),
    eventsOn('celeriac-redis', 100_000, 'a listener'),
    eventsOn('celeriac-redis', 100_000, 'a monitor'),
    eventsOff('celeriac-sqlite', 60_000),
    eventsOff('celeriac-redis', 100_000),
    inspecting('celeriac-sqlite'),
    inspecting('celeriac-redis'),
    inspected('celeriac-sqlite', 400_000),
    inspected('celeriac-redis', 600_000),
  ],
}
