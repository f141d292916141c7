import type { SignatureData } from '../protocol/signature-json.ts'

/** The id of a whole is that of its last task. */
export function withLastId(data: SignatureData, taskId: string): SignatureData {
  switch (data.kind) {
    case 'task':
    case 'group':
      return { ...data, options: { ...data.options, taskId } }
    case 'chord':
      return { ...data, body: withLastId(data.body, taskId) }
    case 'chain':
      return {
        ...data,
        tasks: data.tasks.map((task, index) => (index === data.tasks.length - 1 ? withLastId(task, taskId) : task)),
      }
  }
}

export function hasLastId(data: SignatureData): boolean {
  if (data.kind === 'chord') return hasLastId(data.body)
  if (data.kind === 'chain') return data.tasks.length > 0 && hasLastId(data.tasks.at(-1) as SignatureData)
  return typeof data.options.taskId === 'string'
}
