import { describePool } from './pool-contract.ts'

describePool('solo')
