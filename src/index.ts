import './util/require-node-24.ts'

export { Celeriac } from './app/app.ts'
export type { AppEvents } from './app/app-events.ts'
export type { AppOptions } from './app/app-options.ts'
export { AsyncResult, type AnyResult, type GetOptions, type RevokeOptions } from './app/async-result.ts'
export { currentTask, type DeliveryInfo, type RetryOptions, type TaskContext, type TaskRequest } from './app/context.ts'
export type { ExplainOptions } from './app/explain.ts'
export type { Explanation } from './app/explanation.ts'
export type { CallOptions } from './app/call-options.ts'
export type { Config } from './app/config-type.ts'
export type { ModelClass, ModelHandle, RowTable } from './app/model-handle.ts'
export type { MissingPolicy, ModelPolicy } from './app/model-policy.ts'
export type { Models, RefOptions } from './app/models.ts'
export type { PublishRetryPolicy } from './app/publish-retry.ts'
export type { Enqueueable, EnqueueableArgs, Ref, Register } from './app/ref.ts'
export { currentApp, setCurrentApp, sharedTask, signature } from './app/shared-task.ts'
export { Signature, type AnySignature, type ErrorCallback, type TaskSignatureOptions } from './app/signature.ts'
export type { Stamped, StampingVisitor, Stamps } from './app/stamping.ts'
export type { SignalListener, SignalName, Signals } from './app/signals.ts'
export type { Command, CommandHandler, CommandOptions, CommandWorker } from './app/custom-commands.ts'
export type { DefineTask } from './app/task-definition.ts'
export { taskMethod, type TaskMethodDecorator } from './app/task-method-decorator.ts'
export type { Delayed, ImmutableMethods, MethodOptions, MethodTasks, SignedMethods } from './app/task-methods.ts'
export type { DispatchMode, ErrorMatcher, TaskOptions } from './app/task-options.ts'
export {
  lazy,
  model,
  models,
  value,
  type LazyOptions,
  type ModelOptions,
  type Parameter,
} from './app/task-parameters.ts'
export type { Task, TaskBody, TaskInTransaction } from './app/task.ts'
export type { TaskRegistry } from './app/task-registry.ts'
export type { FollowTrace, PublishedMessage, PublishTrace, RunTrace } from './app/tracing.ts'
export type { Scope as TransactionScope, Transactions } from './app/transactions.ts'
export type { ResultBackend } from './backends/backend.ts'
export type { Broker } from './brokers/broker.ts'
export { chain, type Chain } from './canvas/chain.ts'
export { chord } from './canvas/chord.ts'
export { chunks, xmap, xstarmap } from './canvas/chunks.ts'
export { graph, resultGraph, type WorkflowGraph } from './canvas/graph.ts'
export { group, type Group } from './canvas/group.ts'
export { GroupResult, restoreGroup } from './canvas/group-result.ts'
export { addToChord, replace } from './canvas/replace.ts'
export type { ControlOptions } from './control/command-sender.ts'
export type { ArgumentKind, ArgumentSpec, ArgumentSpecs, ArgumentsOf } from './control/command-spec.ts'
export { Control, type RevokeOptions as ControlRevokeOptions } from './control/control.ts'
export { Inspect, type Mingled } from './control/inspect.ts'
export type { Addressees, AskOptions } from './control/mailbox.ts'
export { Replies } from './control/replies.ts'
export * from './errors.ts'
export { ClusterState, type ClusterStateOptions, type TaskFilter } from './events/cluster-state.ts'
export type { CaptureOptions, EventHandlers, EventReceiver, ReceiverOptions } from './events/event-receiver.ts'
export type { TaskSnapshot } from './events/task-snapshot.ts'
export { isAlive, type WorkerSnapshot } from './events/worker-snapshot.ts'
export type { OrmAdapter } from './orms/orm-adapter.ts'
export type { PoolKind } from './pools/open-pool.ts'
export type {
  ClusterEvent,
  CustomEvent,
  EventType,
  TaskEvent,
  TaskReceivedEvent,
  TaskRejectedEvent,
  TaskRevokedEvent,
  TaskSentEvent,
  TaskSucceededEvent,
  WorkerEvent,
} from './protocol/cluster-event.ts'
export type { QueriedTask, ScheduledTask, TaskDelivery, TaskInfo } from './protocol/task-info.ts'
export type { ControlReply } from './protocol/control-message.ts'
export type { QueueInfo } from './protocol/queue-info.ts'
export type { WorkerStats } from './protocol/worker-stats.ts'
export { Decimal, PlainDate, PlainTime, Uuid } from './protocol/typed-values.ts'
export type { TaskMeta } from './protocol/task-meta.ts'
export type { TaskState } from './protocol/states.ts'
export type { Duration } from './util/duration.ts'
export type { Logger } from './util/logger.ts'
export type { WorkerHealth } from './worker/readiness.ts'
export type { ShutdownSummary } from './worker/shut-down.ts'
export type { WorkerOptions } from './worker/worker-options.ts'
export { Worker } from './worker/worker.ts'
