import { openDrizzleLab } from './drizzle-lab.ts'
import { drizzleVersions } from './drizzle-versions.ts'
import { describeOrm, type OrmContract } from './orm-contract.ts'

const lateral = 'Drizzle 1.0 writes lateral joins, which MariaDB does not know'

for (const version of drizzleVersions) {
  const contract: Omit<OrmContract, 'databases'> = {
    open: (database) => openDrizzleLab(version, database),
    abilities: { relations: true, hideDeleted: true, lock: true },
  }
  describeOrm(`drizzle ${version.name}`, { ...contract, databases: ['sqlite', 'postgres'] })
  const skip =
    version.name === '1.0'
      ? {
          'loads the relations that are asked for, and no others': lateral,
          'copies a row with its relations, or not at all': lateral,
        }
      : {}
  describeOrm(`drizzle ${version.name}`, { ...contract, databases: ['mysql'], skip })
}
