import { openMikroLab } from './mikro-orm-lab.ts'
import { describeOrm } from './orm-contract.ts'

describeOrm('mikro-orm', {
  databases: ['sqlite', 'postgres', 'mysql'],
  open: openMikroLab,
  abilities: { relations: true, hideDeleted: true, lock: true },
})
