import { describe, it } from 'node:test'
import { describeOrm } from './orm-contract.ts'
import { openSequelizeLab } from './sequelize-lab.ts'

describe('sequelize', () => {
  describeOrm(it, openSequelizeLab)
})
