/** Rows that tasks take. */
export const noteCount = 100
