import { describeOrm, type OrmContract } from './orm-contract.ts'
import { openPrismaLab } from './prisma-lab.ts'

const contract: Omit<OrmContract, 'databases'> = {
  open: openPrismaLab,
  abilities: { relations: true, hideDeleted: true, lock: true },
}

describeOrm('prisma', { ...contract, databases: ['postgres', 'mysql'] })

describeOrm('prisma', {
  ...contract,
  databases: ['sqlite'],
  skip: {
    'drops callbacks of a transaction whose COMMIT fails': 'the driver for libsql leaves such a transaction open',
    'loads by a DATE, as an instance has it and as Python writes it': 'Prisma has no days on SQLite',
    'loads thousands of references with few queries': 'Prisma asks SQLite for at most 999 keys at once',
  },
})
