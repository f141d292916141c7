import { describeOrm } from './orm-contract.ts'
import { openPrismaLab } from './prisma-lab.ts'

describeOrm('prisma', {
  databases: ['sqlite', 'postgres', 'mysql'],
  open: openPrismaLab,
  abilities: { relations: true, hideDeleted: true, lock: true },
})
