import type { CommandSpec } from './command-spec.ts'

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

/** Celery's names, and what they take (celery-wire 9.3). */
export const controlSpecs: Readonly<Record<RevokingCommand | ControllingCommand, CommandSpec>> = {
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
