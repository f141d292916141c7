import assert from 'node:assert/strict'
import type { DefineBackend } from './backend-contract-tools.ts'
import { sleep } from './contract.ts'

export function defineWorkflowTests(it: DefineBackend): void {
  it('keeps the parts of a workflow until they are used', async ({ backend, reopen }) => {
    await using other = await reopen()
    await backend.keepWorkflow('w', ['first', 'second'])
    await backend.keepWorkflow('other', ['third'])
    assert.equal(await other.workflowPart('w', 1), 'second')
    assert.equal(await other.workflowPart('w', 1), 'second')
    await other.useWorkflowPart('w', 1)
    await other.useWorkflowPart('w', 1)
    assert.deepEqual([await backend.workflowPart('w', 0), await backend.workflowPart('w', 1)], ['first', null])
    await backend.useWorkflowPart('w', 0)
    assert.deepEqual([await backend.workflowPart('w', 0), await backend.workflowPart('w', 1)], [null, null])
    assert.equal(await backend.workflowPart('other', 0), 'third')
  })

  it('knows nothing of parts and workflows that were not kept', async ({ backend }) => {
    await backend.keepWorkflow('w', ['first'])
    assert.equal(await backend.workflowPart('w', 1), undefined)
    assert.equal(await backend.workflowPart('unknown', 0), undefined)
    await backend.useWorkflowPart('w', 1)
    await backend.useWorkflowPart('unknown', 0)
    assert.equal(await backend.workflowPart('w', 0), 'first')
  })

  it('keeps thousands of parts', async ({ backend }) => {
    const parts = Array.from({ length: 1200 }, (_, index) => `${index} ${'x'.repeat(1000)}`)
    await backend.keepWorkflow('w', parts)
    assert.deepEqual(
      [await backend.workflowPart('w', 0), await backend.workflowPart('w', 1199)],
      [parts[0], parts[1199]],
    )
  })

  it('keeps parts longer than results, and what was used as long as results', async ({ reopen }) => {
    await using short = await reopen({ expiresMs: 30 })
    await short.keepWorkflow('waits', ['first', 'second'])
    await short.keepWorkflow('over', ['first'])
    await short.useWorkflowPart('over', 0)
    await short.useWorkflowPart('waits', 1)
    assert.equal(await short.workflowPart('over', 0), null)
    await sleep(60)
    assert.equal(await short.workflowPart('over', 0), undefined)
    await short.deleteExpired()
    assert.equal(await short.workflowPart('over', 0), undefined)
    assert.deepEqual([await short.workflowPart('waits', 0), await short.workflowPart('waits', 1)], ['first', null])
  })
}
