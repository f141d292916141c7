import { describePool } from './pool-contract.ts'
import { describeSlots } from './slot-contract.ts'

describePool('threads')
describeSlots('threads')
