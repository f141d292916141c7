import { describeWorkerIn } from './pool-worker-contract.ts'

describeWorkerIn('threads')
