import { it } from 'node:test'
import { reportMissing } from './service.ts'

it('wants what there is not', async (test) => {
  const { missing } = await reportMissing('frobnicator', 'nobody has invented it')
  test.skip(missing)
})
