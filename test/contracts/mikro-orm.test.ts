import { describe, it } from 'node:test'
import { openMikroLab } from './mikro-orm-lab.ts'
import { describeOrm } from './orm-contract.ts'

describe('mikro-orm', () => {
  describeOrm(it, openMikroLab)
})
