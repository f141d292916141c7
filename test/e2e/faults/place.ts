/** Where the bodies of a worker run. */
export const faultPools = ['async', 'threads', 'processes'] as const
export type FaultPool = (typeof faultPools)[number]

/** What a process of these tests is told. */
export interface Place {
  readonly url: string
  readonly transportOptions: Readonly<Record<string, unknown>>
  /** What the tasks write, line by line. Outside the store, so that it survives what happens there. */
  readonly runs: string
  /** What the producers were told. */
  readonly sent: string
  /** Of a worker. */
  readonly concurrency: number
  readonly pool: FaultPool
  readonly maxDeliveries: number
  /** How much a producer sends. */
  readonly count: number
}

/** The same for broker and result backend; SQLite's backend has no options. */
export function storeSettings({ url, transportOptions }: Pick<Place, 'url' | 'transportOptions'>): object {
  if (url.startsWith('sqlite:')) return { broker_transport_options: transportOptions }
  const { leaseSeconds: _, ...rest } = transportOptions
  return { broker_transport_options: transportOptions, result_backend_transport_options: rest }
}
