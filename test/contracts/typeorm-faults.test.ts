import assert from 'node:assert/strict'
import { DatabaseUnavailable } from '../../src/errors.ts'
import { loadName } from './orm-contract-faults.ts'
import { newUser } from './orm-contract-tools.ts'
import { describeOrmFaults } from './orm-contract.ts'
import { openTypeOrmOn } from './typeorm-lab.ts'

describeOrmFaults('typeorm', { databases: ['postgres', 'mysql'], open: openTypeOrmOn })

// once for all ORMs: the deadline is the loader's, and takes half a minute
describeOrmFaults('frozen', { databases: ['postgres'], open: openTypeOrmOn }, (it) => {
  it('says that the database is unavailable when it gives no answer, and loads by another connection', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    const backends = await lab.database.connections()
    assert.equal(backends.length, 1)
    for (const pid of backends) process.kill(pid, 'SIGSTOP')
    try {
      await assert.rejects(lab.models.ref('shop.User', id).load(), DatabaseUnavailable)
      assert.equal(await loadName(lab), 'Ada')
    } finally {
      for (const pid of backends) process.kill(pid, 'SIGCONT')
    }
  })
})
