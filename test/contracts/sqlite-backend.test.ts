import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { openBackend } from '../../src/backends/open-backend.ts'
import { describeBackend } from './backend-contract.ts'

const options = { expiresMs: 86_400_000 }

describeBackend('SQLite backend', async () => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'celeriac-'))
  const url = `sqlite:${folder}/results.db`
  const backend = await openBackend(url, options)
  return {
    backend,
    dispose: async () => {
      await backend[Symbol.asyncDispose]()
      await fs.rm(folder, { recursive: true })
    },
    reopen: async (changed = {}) => await openBackend(url, { ...options, ...changed }),
  }
})
