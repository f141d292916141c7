import { openKyselyLab } from './kysely-lab.ts'
import { describeOrm } from './orm-contract.ts'

describeOrm('kysely', {
  databases: ['sqlite', 'postgres', 'mysql'],
  open: openKyselyLab,
  abilities: { relations: false, hideDeleted: true, lock: true },
})
