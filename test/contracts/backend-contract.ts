import { defineExpiryTests, defineGroupTests, defineLifeTests } from './backend-contract-groups.ts'
import { defineResultTests } from './backend-contract-results.ts'
import type { OpenedBackend } from './backend-contract-tools.ts'
import { defineWatchTests } from './backend-contract-watching.ts'
import { defineWorkflowTests } from './backend-contract-workflows.ts'
import { describeContract, type Skips } from './contract.ts'

export type { OpenedBackend } from './backend-contract-tools.ts'

/**
 * What every result backend promises, as tests. `open` gives an empty store for each test. `skip` names tests that a
 * backend cannot pass, with the reason.
 */
export function describeBackend(
  name: string,
  open: () => Promise<OpenedBackend>,
  options: { readonly skip?: Skips } = {},
): void {
  describeContract(name, open, options.skip ?? {}, {
    results: defineResultTests,
    watching: defineWatchTests,
    groups: defineGroupTests,
    workflows: defineWorkflowTests,
    expiry: defineExpiryTests,
    life: defineLifeTests,
  })
}
