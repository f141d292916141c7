import { pbkdf2Sync } from 'node:crypto'

/** In a call of native code, about so long: nothing can interrupt it. */
export function holdInNativeCode(ms: number): void {
  const sample = 100_000
  const beganMs = performance.now()
  pbkdf2Sync('password', 'salt', sample, 64, 'sha512')
  const iterations = Math.ceil((sample * ms) / (performance.now() - beganMs))
  pbkdf2Sync('password', 'salt', iterations, 64, 'sha512')
}
