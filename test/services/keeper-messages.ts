import type { ServerSettings, ServiceName } from './server-kind.ts'

export type KeeperRequest =
  | { readonly action: 'shared'; readonly name: ServiceName }
  | { readonly action: 'private'; readonly name: ServiceName; readonly settings: ServerSettings }
  | { readonly action: 'start' | 'stop' | 'restart'; readonly id: string }
  /** Something else that tests wanted and could not have. */
  | { readonly action: 'missing'; readonly name: string; readonly reason: string }
  | { readonly action: 'finish' }

export type KeeperReply =
  | { readonly id: string; readonly url: string; readonly pid?: number; readonly folder?: string }
  | { readonly skipped: string }
  | { readonly skippedServices: Readonly<Record<string, string>> }
  | { readonly failed: string }
