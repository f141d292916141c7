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

/** Celery's names, and what they take (celery-wire 9.3). */
export const inspectSpecs: Readonly<Record<InspectingCommand, CommandSpec>> = {
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
}
