// Compiled by `tsc`, never run: what the types of events promise.
import { Celeriac, ClusterState, type ClusterEvent } from '../../src/index.ts'

function expectType<T>(_value: T): void {}

const app = new Celeriac('types')

export async function events(): Promise<void> {
  const state = new ClusterState()
  await using receiver = app.events.receiver({
    types: ['task-succeeded', 'custom'],
    handlers: {
      'task-succeeded': (event) => {
        expectType<string | undefined>(event.result)
        expectType<number | undefined>(event.runtimeMs)
      },
      'worker-heartbeat': ({ active, swIdent }) => {
        expectType<number | undefined>(active)
        expectType<string | undefined>(swIdent)
      },
      '*': (event) => expectType<ClusterEvent>(event),
    },
  })
  for await (const event of receiver) {
    state.apply(event)
    if (event.type === 'task-revoked') expectType<boolean | undefined>(event.expired)
    if (event.type === 'custom') expectType<string>(event.customType)
    // @ts-expect-error -- only tasks have results
    if (event.type === 'worker-online') expectType<string>(event.result)
  }
  expectType<number>(await receiver.capture({ limit: 1, timeout: '1s' }))
  expectType<string | undefined>(state.task('id')?.state)
  // @ts-expect-error -- there is no such event
  app.events.receiver({ types: ['task-done'] })
}
