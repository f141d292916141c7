type Commands = Readonly<Record<string, (argument: never) => unknown>>

/** Serves commands to the process that started this one (`Child`), and ends with it. */
export function serve(commands: Commands): void {
  process.on('message', (message: { readonly id: number; readonly command: string; readonly argument: never }) => {
    void answer(commands, message)
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ kind: 'ready' })
}

async function answer(
  commands: Commands,
  { id, command, argument }: { readonly id: number; readonly command: string; readonly argument: never },
): Promise<void> {
  try {
    const run = commands[command]
    if (!run) throw new Error(`there is no command ${command}`)
    process.send?.({ kind: 'answer', id, value: await run(argument) })
  } catch (error) {
    process.send?.({ kind: 'failure', id, error: error instanceof Error ? error.stack : String(error) })
  }
}

/** The argument of the process that this one was started with. */
export function startArgument<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T
}
