import { openDrizzleLab } from './drizzle-lab.ts'
import { drizzleVersions } from './drizzle-versions.ts'
import { describeOrmFaults } from './orm-contract.ts'

for (const version of drizzleVersions) {
  describeOrmFaults(`drizzle ${version.name}`, {
    databases: ['postgres', 'mysql'],
    open: (database) => openDrizzleLab(version, database),
  })
}
