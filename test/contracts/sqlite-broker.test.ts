import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openSqliteBroker } from '../../src/brokers/sqlite.ts'
import { describeBroker } from './broker-contract.ts'

describeBroker('sqlite broker', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'celeriac-broker-'))
  const url = `sqlite:${folder}/broker.db`
  const broker = await openSqliteBroker(url)
  return {
    broker,
    dispose: async () => {
      await broker[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
    reopen: () => openSqliteBroker(url),
  }
})
