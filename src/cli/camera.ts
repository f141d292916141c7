import { ImproperlyConfigured } from '../errors.ts'
import type { ClusterState } from '../events/cluster-state.ts'
import { loadExport } from './load-app.ts'

/** What `--camera` names: a class without arguments, with `onShutter`. */
export interface Camera {
  /** Looks at the state. The next picture waits for it. */
  onShutter(state: ClusterState): unknown
  /** Forget tasks, and workers that are gone, after each picture. Default false. */
  readonly clearAfter?: boolean
}

/** The camera of `module:Class`. Throws ImproperlyConfigured for anything else. */
export async function loadCamera(specifier: string, cwd: string): Promise<Camera> {
  const { value, file, name } = await loadExport(specifier, cwd)
  const made: unknown = typeof value === 'function' ? new (value as new () => unknown)() : value
  if (!isCamera(made)) {
    throw new ImproperlyConfigured(
      `${file} exports no camera as ${name}: expected a class with the method onShutter(state), got ${typeof value}`,
    )
  }
  return made
}

function isCamera(value: unknown): value is Camera {
  return typeof value === 'object' && value !== null && 'onShutter' in value && typeof value.onShutter === 'function'
}
