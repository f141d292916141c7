import { describeOrmFaults } from './orm-contract.ts'
import { openSequelizeLab } from './sequelize-lab.ts'

describeOrmFaults('sequelize', { databases: ['postgres', 'mysql'], open: openSequelizeLab })
