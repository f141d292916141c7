import { openObjectionLab } from './objection-lab.ts'
import { describeOrmFaults } from './orm-contract.ts'

describeOrmFaults('objection', { databases: ['postgres', 'mysql'], open: openObjectionLab })
