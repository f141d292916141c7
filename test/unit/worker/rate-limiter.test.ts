import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rateIntervalMs } from '../../../src/util/rate.ts'
import { RateLimiter } from '../../../src/worker/rate-limiter.ts'

/** A worker whose broker brings each deferred message back when its time has come, later by `lateMs`. */
class Lab {
  nowMs = 1000
  readonly starts: { readonly id: string; readonly atMs: number }[] = []
  deferrals = 0
  readonly #limiter = new RateLimiter(() => this.nowMs)
  readonly #intervalMs: number
  #deferred: { readonly id: string; readonly atMs: number }[] = []

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  arrive(...ids: readonly string[]): void {
    for (const id of ids) {
      const delayMs = this.#limiter.delayMs('t', id, this.#intervalMs)
      if (delayMs === undefined) this.starts.push({ id, atMs: this.nowMs })
      else {
        this.deferrals += 1
        this.#deferred.push({ id, atMs: this.nowMs + delayMs })
      }
    }
  }

  /** Lets time pass in steps; with one step of all of it the worker was blocked. */
  pass(ms: number, stepMs = 1): void {
    const endMs = this.nowMs + ms
    while (this.nowMs < endMs) {
      this.nowMs = Math.min(endMs, this.nowMs + stepMs)
      const due = this.#deferred.filter(({ atMs }) => atMs <= this.nowMs).toSorted((a, b) => a.atMs - b.atMs)
      this.#deferred = this.#deferred.filter(({ atMs }) => atMs > this.nowMs)
      this.arrive(...due.map(({ id }) => id))
    }
  }

  get order(): string[] {
    return this.starts.map(({ id }) => id)
  }

  get gaps(): number[] {
    return this.starts.slice(1).map(({ atMs }, index) => atMs - (this.starts[index]?.atMs ?? 0))
  }
}

const names = (length: number): string[] => Array.from({ length }, (_, index) => String(index).padStart(3, '0'))

describe('rate limiter', () => {
  it('starts one every interval, in the order of arrival, each deferred once', () => {
    const lab = new Lab(100)
    lab.arrive(...names(50))
    lab.pass(5000)
    assert.deepEqual(lab.order, names(50))
    assert.ok(
      lab.gaps.every((gap) => gap >= 98 && gap <= 102),
      lab.gaps.join(),
    )
    assert.equal(lab.deferrals, 49)
  })

  it('lets nobody who comes later go first', () => {
    const lab = new Lab(100)
    lab.arrive(...names(5))
    lab.pass(50)
    lab.arrive('late 1')
    lab.pass(250)
    lab.arrive('late 2')
    lab.pass(2000)
    assert.deepEqual(lab.order, [...names(5), 'late 1', 'late 2'])
  })

  it('starts at once what comes after a rest, and saves up nothing', () => {
    const lab = new Lab(100)
    lab.arrive('a')
    lab.pass(10_000)
    lab.arrive('b', 'c')
    lab.pass(100)
    assert.deepEqual(lab.starts.slice(1), [
      { id: 'b', atMs: 11_000 },
      { id: 'c', atMs: 11_100 },
    ])
  })

  it('keeps rate and order after the worker was blocked', () => {
    const lab = new Lab(100)
    lab.arrive(...names(60))
    lab.pass(500)
    lab.pass(2000, 2000)
    lab.pass(8000)
    assert.deepEqual(lab.order, names(60))
    assert.ok(
      lab.gaps.every((gap) => gap >= 98),
      lab.gaps.join(),
    )
  })

  it('gives a message that comes back too early the same turn again', () => {
    const limiter = new RateLimiter(() => 0)
    assert.equal(limiter.delayMs('t', 'a', 1000), undefined)
    assert.deepEqual([limiter.delayMs('t', 'b', 1000), limiter.delayMs('t', 'b', 1000)], [1000, 1000])
    assert.equal(limiter.delayMs('t', 'c', 1000), 2000)
  })

  it('limits each task name on its own', () => {
    const limiter = new RateLimiter(() => 0)
    assert.equal(limiter.delayMs('t', 'a', 1000), undefined)
    assert.equal(limiter.delayMs('u', 'b', 1000), undefined)
  })

  it('goes on when those whose turn it was never came back', () => {
    const lab = new Lab(10)
    lab.arrive('a')
    const limiter = new RateLimiter(() => lab.nowMs)
    for (const id of names(1000)) limiter.delayMs('t', id, 10)
    lab.nowMs += 100_000
    assert.equal(limiter.delayMs('t', 'b', 10), undefined)
  })
})

describe('rates', () => {
  it('are text with a unit or tasks a second; 0 is no limit', () => {
    assert.deepEqual(['10/s', '100/m', '3600/h', '5', 2, 0.5, 1e-7, '0.5/m', 0, '0/m'].map(rateIntervalMs), [
      100,
      600,
      1000,
      200,
      500,
      2000,
      1e10,
      120_000,
      undefined,
      undefined,
    ])
  })

  it('are null if they are none', () => {
    assert.deepEqual(
      ['10/d', '-1/s', 'fast', {}, Number.NaN, Infinity, -3, '1e3/s', ''].map(rateIntervalMs),
      Array(9).fill(null),
    )
  })
})
