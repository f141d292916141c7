import type { ModelClass } from './model-handle.ts'
import type { TaskOptions } from './task-options.ts'

/** On the function itself: the one place that compilers for either kind of decorators share. */
const mark: unique symbol = Symbol.for('celeriac.taskMethod')

type Marked = { [mark]?: TaskOptions }

/** Decorators as the standard has them, and as `experimentalDecorators` does. */
export interface TaskMethodDecorator {
  <This, A extends unknown[], R>(
    method: (this: This, ...args: A) => R,
    context: ClassMethodDecoratorContext<This, (this: This, ...args: A) => R>,
  ): void
  (target: object, name: string | symbol, descriptor: PropertyDescriptor): void
}

/**
 * Marks a method for `app.methods(User)`, which makes tasks of all that are marked. Needs a compiler: Node's own type
 * stripping does not run decorators.
 */
export function taskMethod(options: TaskOptions = {}): TaskMethodDecorator {
  return (first: unknown, _second: unknown, descriptor?: PropertyDescriptor): void => {
    const method = descriptor ? (descriptor.value as unknown) : first
    ;(method as Marked)[mark] = options
  }
}

/** The marked methods of a class and of those above it. */
export function taskMethodNames({ prototype }: ModelClass): string[] {
  const names = new Set<string>()
  for (
    let each = prototype as object | null;
    each && each !== Object.prototype;
    each = Object.getPrototypeOf(each) as object | null
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(each))) {
      if (typeof value === 'function' && (value as Marked)[mark]) names.add(name)
    }
  }
  return [...names]
}

/** What the decorator of a method was given. */
export function optionsOfMethod({ prototype }: ModelClass, name: string): TaskOptions {
  return ((prototype as Readonly<Record<string, unknown>>)[name] as Marked | undefined)?.[mark] ?? {}
}
