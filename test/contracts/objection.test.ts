import { describe, it } from 'node:test'
import { openObjectionLab } from './objection-lab.ts'
import { describeOrm } from './orm-contract.ts'

describe('objection', () => {
  describeOrm(it, openObjectionLab)
})
