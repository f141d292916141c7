import { openBackend } from '../../src/backends/open-backend.ts'

/** A process that uses the backend of a file, for the fault tests. It prints a line for each thing that is done. */
const [mode = '', url = '', prefix = '', count = '0'] = process.argv.slice(2)
const backend = await openBackend(url, { expiresMs: 86_400_000 })
const numbers = Array.from({ length: Number(count) }, (_, number) => number)

switch (mode) {
  case 'store': {
    // Some alone, some many in a turn: a kill hits both kinds of transaction.
    for (let from = 0; from < numbers.length; from += 20) await Promise.all(numbers.slice(from, from + 20).map(store))
    await backend[Symbol.asyncDispose]()
    break
  }
  case 'parts': {
    for (const index of numbers) {
      const part = { index, taskId: `${prefix}${index}`, status: 'SUCCESS', result: index }
      console.log((await backend.addGroupPart('g', part)).place)
    }
    await backend[Symbol.asyncDispose]()
    break
  }
  case 'leave': {
    // Leaves the backend open, but watches nothing: that must not keep the process alive.
    const watch = await backend.watch(['a'], () => {})
    await backend.store({ taskId: 'a', status: 'SUCCESS', result: 1 })
    await watch[Symbol.asyncDispose]()
    console.log('left')
    break
  }
  default:
    throw new Error(`unknown mode '${mode}'`)
}

async function store(number: number): Promise<void> {
  const taskId = `${prefix}${number}`
  await backend.store({ taskId, status: 'STARTED', result: { pid: process.pid } })
  await backend.store({ taskId, status: 'SUCCESS', result: process.pid })
  console.log(taskId)
}
