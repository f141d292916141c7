import { pbkdf2Sync } from 'node:crypto'

/** In a call of native code, about so long: nothing can interrupt it. */
export function holdInNativeCode(ms: number): void {
  pbkdf2Sync('password', 'salt', Math.ceil(ms * iterationsAMs()), 64, 'sha512')
}

/** The most of some samples: while others take the CPU there are fewer, and the call would be over too early. */
function iterationsAMs(): number {
  const sample = 20_000
  const speeds = Array.from({ length: 5 }, () => {
    const beganMs = performance.now()
    pbkdf2Sync('password', 'salt', sample, 64, 'sha512')
    return sample / (performance.now() - beganMs)
  })
  return Math.max(...speeds)
}
