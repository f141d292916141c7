import { describeOrmFaults } from './orm-contract.ts'
import { openTypeOrmOn } from './typeorm-lab.ts'

describeOrmFaults('typeorm', { databases: ['postgres', 'mysql'], open: openTypeOrmOn })
