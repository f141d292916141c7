import { mergeOptions } from '../app/signature-settings.ts'
import type { SignatureData } from '../protocol/signature-json.ts'

/** With the links of the whole, at the place where they take effect: its last tasks, and for errors all. */
export function linked(
  data: SignatureData,
  { options: { link, linkError } }: Pick<SignatureData, 'options'>,
): SignatureData {
  if (!link && !linkError) return data
  const links = { ...(link && { link }), ...(linkError && { linkError }) }
  switch (data.kind) {
    case 'task':
      return { ...data, options: mergeOptions(data.options, links) }
    case 'group':
      return { ...data, tasks: data.tasks.map((task) => linked(task, { options: links })) }
    case 'chord':
      return { ...data, body: linked(data.body, { options: links }) }
    case 'chain': {
      const errors = linkError ? { linkError } : {}
      const tasks = data.tasks.map((task, index) =>
        linked(task, { options: index === data.tasks.length - 1 ? links : errors }),
      )
      return { ...data, tasks }
    }
  }
}

/** With callbacks for errors of all steps but a group at its end: that stays the header of a chord, which tells of them. */
export function warning(data: SignatureData, links: Pick<SignatureData, 'options'>): SignatureData {
  switch (data.kind) {
    case 'task':
      return linked(data, links)
    case 'group':
      return data
    case 'chord':
      return { ...data, body: warning(data.body, links) }
    case 'chain': {
      const last = data.tasks.length - 1
      return { ...data, tasks: data.tasks.map((task, at) => (at === last ? warning : linked)(task, links)) }
    }
  }
}

/** Whom the failure of its beginning is told. */
export function firstErrbacks(data: SignatureData): SignatureData['options']['linkError'] {
  if (data.kind === 'task') return data.options.linkError
  if (data.kind === 'chord') return firstErrbacks(data.body)
  const [first] = data.tasks
  return first && firstErrbacks(first)
}
