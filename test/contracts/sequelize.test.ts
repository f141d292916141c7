import { describeOrm } from './orm-contract.ts'
import { openSequelizeLab } from './sequelize-lab.ts'

describeOrm('sequelize', {
  databases: ['sqlite', 'postgres', 'mysql'],
  open: openSequelizeLab,
  abilities: { relations: true, hideDeleted: true, lock: true },
})
