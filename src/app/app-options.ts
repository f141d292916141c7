import type { ResultBackend } from '../backends/backend.ts'
import type { Broker } from '../brokers/broker.ts'
import type { Logger } from '../util/logger.ts'

export interface AppOptions {
  /** A URL, or a broker that the caller opened and closes. Default: the file `./celeriac.db`. */
  readonly broker?: string | Broker
  /** A URL, or a backend that the caller opened and closes. Default: where the broker is, if that can keep results. */
  readonly backend?: string | ResultBackend
  readonly logger?: Logger
  /** More settings, as for `configFromObject`. */
  readonly settings?: object
}
