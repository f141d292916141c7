/** A command whose reader, such as `head`, has seen enough is over. */
export function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
}

/**
 * A service has work to finish, whoever reads what it writes: `| tee` may have ended by the same Ctrl-C, a terminal may be
 * closed, the disk of a log file full.
 */
export function outliveReaders(): void {
  process.stdout.off('error', endWithReader).off('error', ignore).on('error', ignore)
  process.stderr.off('error', ignore).on('error', ignore)
}

/** What could not be written was for those who are gone. */
function ignore(): void {}
