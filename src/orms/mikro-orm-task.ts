import { ImproperlyConfigured } from '../errors.ts'
import type { UnitOfWork } from './mikro-orm-types.ts'

/** What is needed of the classes in which MikroORM keeps the current unit of work. */
export interface Contexts {
  readonly RequestContext: {
    create<R>(em: UnitOfWork, body: () => R): R
    currentRequestContext(): { readonly map: Map<string, UnitOfWork> } | undefined
  }
  readonly TransactionContext: {
    create<R>(em: UnitOfWork, body: () => R): R
    currentTransactionContext(): object | undefined
  }
}

/** Runs `body` with an empty unit of work as `em`, whatever is current in the caller; those of other ORMs stay. */
export function runInTaskContext<R>(
  { RequestContext, TransactionContext }: Contexts,
  em: UnitOfWork,
  body: () => Promise<R>,
): Promise<R> {
  const around = RequestContext.currentRequestContext()
  return RequestContext.create(em, () => {
    const units = RequestContext.currentRequestContext()?.map
    const unit = units?.get(em.name)
    if (!units || !unit) throw notCurrent()
    for (const [name, other] of around?.map ?? []) if (!units.has(name)) units.set(name, other)
    const checked = (): Promise<R> => {
      if (em.getContext(false) !== unit) throw notCurrent()
      return body()
    }
    // the entity manager of a transaction would go before that of the request
    return TransactionContext.currentTransactionContext() ? TransactionContext.create(unit, checked) : checked()
  })
}

/** The user's own copy: MikroORM refuses to run with two. */
export async function loadContexts(): Promise<Contexts> {
  return (await import('@mikro-orm/core')) as unknown as Contexts
}

function notCurrent(): ImproperlyConfigured {
  return new ImproperlyConfigured(
    "a task cannot have a unit of work of its own in MikroORM: the ORM has a 'context' option of its own, or is another" +
      ' copy of @mikro-orm/core than celeriac finds (npm ls @mikro-orm/core)',
  )
}
