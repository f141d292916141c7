/** Numbers by which the mariadb driver says that a connection is gone or none can be had; Prisma passes nothing else on. */
const mariadbCodes = new Set(['45009', '45012', '45013', '45026', '45028', '45042'])

interface PrismaError {
  readonly meta?: { readonly driverAdapterError?: { readonly cause?: { readonly originalCode?: unknown } } }
}

/** True for what the general recognition of database errors does not see. */
export function saysMariadbUnavailable(error: unknown): boolean {
  const code = (error as PrismaError | undefined)?.meta?.driverAdapterError?.cause?.originalCode
  return typeof code === 'string' && mariadbCodes.has(code)
}
