/** What is needed of a generated PrismaClient, by shape: nothing of Prisma is imported. */
export interface PrismaClientLike {
  $transaction(...args: never[]): unknown
  $queryRawUnsafe(...args: never[]): unknown
}

/** A client, or the handle of an open transaction, as it is at run time. */
export interface PrismaHandle {
  $transaction(body: (tx: object) => Promise<unknown>, options?: object): Promise<unknown>
  $queryRawUnsafe(sql: string, ...params: readonly unknown[]): Promise<unknown>
  /** Of the extension for read replicas. */
  $primary?(): PrismaHandle
}

export interface PrismaDelegate {
  findMany(query: object): Promise<object[]>
}

/** What the generated code hands to the client; `_engineConfig` is not promised by Prisma. */
export interface PrismaInternals {
  readonly _runtimeDataModel?: { readonly models: Readonly<Record<string, RuntimeModel>> }
  readonly _activeProvider?: string
  readonly _engineConfig?: { readonly inlineSchema?: string }
}

export interface RuntimeModel {
  readonly dbName?: string | null
  readonly schema?: string | null
  readonly fields: readonly RuntimeField[]
}

interface RuntimeField {
  readonly name: string
  readonly kind: string
  readonly type: string
  readonly dbName?: string | null
}
