import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { soak } from './soak/soak.ts'
import { trendOf } from './soak/trend.ts'

describe('the soak', () => {
  it('ends every call as it should, rows in processes among them', async () => {
    const { made, surprises } = await soak({
      seconds: 3,
      samples: 4,
      pool: 'processes',
      concurrency: 2,
      callsPerSecond: 40,
    })
    assert.deepEqual(surprises, [])
    assert.ok(made > 60, `${made} calls were made`)
  })

  const heap = { name: 'heap', unit: 'MB', allowed: 1 } as const
  /** Noise that is the same in each run. */
  const noise = Array.from({ length: 36 }, (_, n) => 0.8 * Math.sin(n * 7.3))

  it('calls level what goes up and down, also with a few that are far off', () => {
    const series = noise.map((value, n) => 20 + value + (n % 12 === 11 ? 30 : 0))
    assert.ok(trendOf(heap, series).isLevel)
    const sawtooth = noise.map((value, n) => 20 + value + (n % 9) / 4)
    assert.ok(trendOf(heap, sawtooth).isLevel)
  })

  it('finds a rise that is twice what is allowed, under the same noise', () => {
    const { isLevel, rise, first, last } = trendOf(
      heap,
      noise.map((value, n) => 20 + value + (2 * n) / 35),
    )
    assert.equal(isLevel, false)
    assert.ok(rise > 1.5 && rise < 2.5, `a rise of ${rise}`)
    assert.ok(first < last)
  })

  it('allows what is large a share of its size', () => {
    const series = noise.map((_, n) => 100 + (4 * n) / 35)
    assert.equal(trendOf(heap, series).isLevel, false)
    assert.ok(trendOf({ ...heap, allowedShare: 0.05 }, series).isLevel)
  })
})
