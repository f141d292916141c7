import { describeOrmFaults } from './orm-contract.ts'
import { openPrismaLab } from './prisma-lab.ts'

describeOrmFaults('prisma', { databases: ['postgres', 'mysql'], open: openPrismaLab })
