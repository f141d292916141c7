import { openMikroLab } from './mikro-orm-lab.ts'
import { describeOrmFaults } from './orm-contract.ts'

describeOrmFaults('mikro-orm', { databases: ['postgres', 'mysql'], open: openMikroLab })
