import { openDrizzleLab } from './drizzle-lab.ts'
import { drizzleVersions } from './drizzle-versions.ts'
import { describeOrm } from './orm-contract.ts'

for (const version of drizzleVersions) {
  describeOrm(`drizzle ${version.name}`, {
    databases: ['sqlite', 'postgres', 'mysql'],
    open: (database) => openDrizzleLab(version, database),
    abilities: { relations: true, hideDeleted: true, lock: true },
  })
}
