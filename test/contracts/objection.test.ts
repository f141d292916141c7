import { openObjectionLab } from './objection-lab.ts'
import { describeOrm } from './orm-contract.ts'

describeOrm('objection', {
  databases: ['sqlite', 'postgres', 'mysql'],
  open: openObjectionLab,
  abilities: { relations: true, hideDeleted: true, lock: true },
})
