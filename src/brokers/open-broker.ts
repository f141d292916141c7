import { ImproperlyConfigured } from '../errors.ts'
import type { Broker } from './broker.ts'

export async function openBroker(url: string, options: { readonly transportOptions?: Readonly<Record<string, unknown>> }): Promise<Broker> {
  void options
  if (url.startsWith('memory:')) return (await import('./memory.ts')).openMemoryBroker(url)
  throw new ImproperlyConfigured(`no broker for ${url}`)
}
