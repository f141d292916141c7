import { openKyselyLab } from './kysely-lab.ts'
import { describeOrmFaults } from './orm-contract.ts'

describeOrmFaults('kysely', { databases: ['postgres', 'mysql'], open: openKyselyLab })
