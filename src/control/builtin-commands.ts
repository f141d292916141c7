import type { CommandSpec } from './command-spec.ts'

/** Commands that tell something. */
export type InspectingCommand =
  | 'ping'
  | 'stats'
  | 'active'
  | 'reserved'
  | 'scheduled'
  | 'revoked'
  | 'registered'
  | 'active_queues'
  | 'conf'
  | 'query_task'
  | 'clock'
  | 'report'
  | 'hello'
  | 'memsample'
  | 'memdump'
  | 'objgraph'

/** Commands after which tasks do not run. */
export type RevokingCommand = 'revoke' | 'revoke_by_stamped_headers' | 'terminate'

/** Commands that change the worker. */
export type ControllingCommand =
  | 'rate_limit'
  | 'time_limit'
  | 'pool_grow'
  | 'pool_shrink'
  | 'pool_restart'
  | 'autoscale'
  | 'add_consumer'
  | 'cancel_consumer'
  | 'enable_events'
  | 'disable_events'
  | 'heartbeat'
  | 'election'
  | 'shutdown'

export type BuiltinCommand = InspectingCommand | RevokingCommand | ControllingCommand

/** The commands that every worker knows, by Celery's names (celery-wire 9.3). */
export const builtinCommands: Readonly<Record<BuiltinCommand, CommandSpec>> = {
  ping: { type: 'inspect', help: 'Ping worker(s).', args: {}, takesMore: true },
  stats: { type: 'inspect', help: 'Request worker statistics/information.', args: {}, takesMore: true },
  active: {
    type: 'inspect',
    help: 'List of tasks currently being executed.',
    args: {},
    named: { safe: 'flag?' },
    alias: 'dump_active',
    takesMore: true,
  },
  reserved: {
    type: 'inspect',
    help: 'List of currently reserved tasks, not including scheduled/active.',
    args: {},
    alias: 'dump_reserved',
    takesMore: true,
  },
  scheduled: {
    type: 'inspect',
    help: 'List of currently scheduled ETA/countdown tasks.',
    args: {},
    alias: 'dump_schedule',
    takesMore: true,
  },
  revoked: { type: 'inspect', help: 'List of revoked task-ids.', args: {}, alias: 'dump_revoked', takesMore: true },
  registered: {
    type: 'inspect',
    help: 'List of registered tasks.',
    args: { taskinfoitems: 'texts?' },
    named: { builtins: 'flag?' },
    signature: '[attr1 [attr2 [... [attrN]]]]',
    alias: 'dump_tasks',
    takesMore: true,
  },
  active_queues: { type: 'inspect', help: 'List the task queues a worker is currently consuming from.', args: {} },
  conf: {
    type: 'inspect',
    help: 'List configuration.',
    args: { with_defaults: 'flag?' },
    signature: '[include_defaults=False]',
    alias: 'dump_conf',
    takesMore: true,
  },
  query_task: {
    type: 'inspect',
    help: 'Query for task information by id.',
    args: { ids: 'texts' },
    signature: '[id1 [id2 [... [idN]]]]',
    takesMore: true,
  },
  clock: { type: 'inspect', help: 'Get current logical clock value.', args: {}, takesMore: true },
  report: { type: 'inspect', help: 'Information about the installation for bug reports.', args: {} },
  hello: {
    type: 'inspect',
    help: 'Request mingle sync-data.',
    args: { from_node: 'text' },
    named: { revoked: 'json?' },
    isHidden: true,
    takesMore: true,
  },
  memsample: { type: 'inspect', help: 'Sample current RSS memory usage.', args: {}, takesMore: true },
  memdump: {
    type: 'inspect',
    help: 'Dump statistics of previous memsample requests.',
    args: { samples: 'integer?' },
    signature: '[n_samples=10]',
    takesMore: true,
  },
  objgraph: {
    type: 'inspect',
    help: 'Create graph of uncollected objects (of Python workers).',
    args: { type: 'text?', num: 'integer?', max_depth: 'integer?' },
    signature: '[object_type=Request] [num=200 [max_depth=10]]',
  },
  revoke: {
    type: 'control',
    help: 'Revoke task by task id (or list of ids).',
    args: { task_id: 'texts' },
    named: { terminate: 'flag?', signal: 'text?' },
    signature: '[id1 [id2 [... [idN]]]]',
    takesMore: true,
  },
  revoke_by_stamped_headers: {
    type: 'control',
    help: 'Revoke task by header (or list of headers).',
    args: { headers: 'texts' },
    named: { terminate: 'flag?', signal: 'text?' },
    signature: '[key1=value1 [key2=value2 [... [keyN=valueN]]]]',
    takesMore: true,
  },
  terminate: {
    type: 'control',
    help: 'Terminate task by task id (or list of ids).',
    args: { signal: 'text', task_id: 'texts' },
    signature: '<signal> [id1 [id2 [... [idN]]]]',
    takesMore: true,
  },
  rate_limit: {
    type: 'control',
    help: 'Tell worker(s) to modify the rate limit for a task by type.',
    args: { task_name: 'text', rate_limit: 'text' },
    signature: '<task_name> <rate_limit (e.g., 5/s | 5/m | 5/h)>',
    takesMore: true,
  },
  time_limit: {
    type: 'control',
    help: 'Tell worker(s) to modify the time limit for task by type.',
    args: { task_name: 'text', soft: 'number', hard: 'number?' },
    signature: '<task_name> <soft_secs> [hard_secs]',
    takesMore: true,
  },
  pool_grow: {
    type: 'control',
    help: 'Grow pool by n processes/threads.',
    args: { n: 'integer?' },
    signature: '[N=1]',
    takesMore: true,
  },
  pool_shrink: {
    type: 'control',
    help: 'Shrink pool by n processes/threads.',
    args: { n: 'integer?' },
    signature: '[N=1]',
    takesMore: true,
  },
  pool_restart: {
    type: 'control',
    help: 'Restart execution pool.',
    args: {},
    named: { modules: 'json?', reload: 'flag?', reloader: 'json?' },
    takesMore: true,
  },
  autoscale: {
    type: 'control',
    help: 'Modify autoscale settings.',
    args: { max: 'integer?', min: 'integer?' },
    signature: '[max [min]]',
  },
  add_consumer: {
    type: 'control',
    help: 'Tell worker(s) to consume from task queue by name.',
    args: { queue: 'text', exchange: 'text?', exchange_type: 'text?', routing_key: 'text?' },
    signature: '<queue> [exchange [type [routing_key]]]',
    takesMore: true,
  },
  cancel_consumer: {
    type: 'control',
    help: 'Tell worker(s) to stop consuming from task queue by name.',
    args: { queue: 'text' },
    signature: '<queue>',
    takesMore: true,
  },
  enable_events: { type: 'control', help: 'Tell worker(s) to send task-related events.', args: {} },
  disable_events: { type: 'control', help: 'Tell worker(s) to stop sending task-related events.', args: {} },
  heartbeat: { type: 'control', help: 'Tell worker(s) to send event heartbeat immediately.', args: {} },
  election: {
    type: 'control',
    help: 'Hold election.',
    args: { id: 'text', topic: 'text', action: 'json?' },
    takesMore: true,
  },
  shutdown: {
    type: 'control',
    help: 'Shutdown worker(s).',
    args: {},
    named: { msg: 'text?' },
    takesMore: true,
    isSilent: true,
  },
}

/** By name or older name. */
export function findBuiltin(name: string): BuiltinCommand | undefined {
  if (Object.hasOwn(builtinCommands, name)) return name as BuiltinCommand
  const found = Object.entries(builtinCommands).find(([, { alias }]) => alias === name)
  return found?.[0] as BuiltinCommand | undefined
}
