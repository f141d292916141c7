import { defineChannelTests, defineLifeTests } from './broker-contract-channels.ts'
import { defineFindingTests } from './broker-contract-finding.ts'
import { defineMessageTests } from './broker-contract-messages.ts'
import { definePruningTests } from './broker-contract-pruning.ts'
import { defineSettlingTests } from './broker-contract-settling.ts'
import { defineSubscriptionTests } from './broker-contract-subscriptions.ts'
import type { OpenedBroker } from './broker-contract-tools.ts'
import { defineCountingTests, defineDeferralTests } from './broker-contract-waiting.ts'
import { describeContract, type Skips } from './contract.ts'

export type { OpenedBroker } from './broker-contract-tools.ts'

/**
 * What every broker promises, as tests. `open` gives an empty store for each test. `skip` names tests that a broker
 * cannot pass, with the reason.
 */
export function describeBroker(
  name: string,
  open: () => Promise<OpenedBroker>,
  options: { readonly skip?: Skips } = {},
): void {
  describeContract(name, open, options.skip ?? {}, {
    messages: defineMessageTests,
    subscriptions: defineSubscriptionTests,
    settling: defineSettlingTests,
    deferral: defineDeferralTests,
    counting: defineCountingTests,
    finding: defineFindingTests,
    pruning: definePruningTests,
    channels: defineChannelTests,
    life: defineLifeTests,
  })
}
