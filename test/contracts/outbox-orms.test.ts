import type { TestDatabase } from '../services.ts'
import { openDrizzleLab, type DrizzleLab } from './drizzle-lab.ts'
import { drizzleVersions } from './drizzle-versions.ts'
import { openKyselyLab } from './kysely-lab.ts'
import { openMikroLab } from './mikro-orm-lab.ts'
import { openObjectionLab } from './objection-lab.ts'
import { describeWithLab } from './orm-contract.ts'
import { defineDispatchTests } from './outbox-orms.ts'
import { openPrismaLab } from './prisma-lab.ts'
import { openSequelizeLab } from './sequelize-lab.ts'
import { openTypeOrmOn } from './typeorm-lab.ts'

const databases = ['sqlite', 'postgres', 'mysql'] as const

describeWithLab('calls with typeorm', { databases, open: openTypeOrmOn }, defineDispatchTests)
describeWithLab('calls with kysely', { databases, open: openKyselyLab }, defineDispatchTests)
describeWithLab('calls with objection', { databases, open: openObjectionLab }, defineDispatchTests)
describeWithLab('calls with mikro-orm', { databases, open: openMikroLab }, defineDispatchTests)
describeWithLab('calls with sequelize', { databases, open: openSequelizeLab }, defineDispatchTests)
describeWithLab('calls with prisma', { databases: ['postgres', 'mysql'], open: openPrismaLab }, defineDispatchTests)
describeWithLab(
  'calls with prisma',
  {
    databases: ['sqlite'],
    open: openPrismaLab,
    skip: { 'sends and writes nothing if the COMMIT fails': 'the driver for libsql leaves such a transaction open' },
  },
  defineDispatchTests,
)
for (const version of drizzleVersions) {
  const open = (database: TestDatabase): Promise<DrizzleLab> => openDrizzleLab(version, database)
  describeWithLab(`calls with drizzle ${version.name}`, { databases, open }, defineDispatchTests)
}
