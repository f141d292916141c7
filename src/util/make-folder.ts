import fs from 'node:fs/promises'
import path from 'node:path'

/**
 * Makes a folder and those above it where they are missing. The recursive mkdir of Node never ends where a folder is there
 * and nothing can be made in it, as in /proc.
 */
export async function makeFolder(folder: string): Promise<void> {
  if (await isThere(folder)) return
  const parent = path.dirname(folder)
  if (parent !== folder) await makeFolder(parent)
  try {
    await fs.mkdir(folder)
  } catch (error) {
    // Somebody else was faster.
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

async function isThere(folder: string): Promise<boolean> {
  try {
    // With the separator, a file is none.
    await fs.stat(folder + path.sep)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
