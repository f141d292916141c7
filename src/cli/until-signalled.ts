/** Runs a service until SIGTERM, SIGINT or SIGHUP; a second signal ends the process at once. */
export async function untilSignalled(service: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController()
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(1)
    stop.abort()
  }
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  try {
    await service(stop.signal)
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}
