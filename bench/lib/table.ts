import { shortNumber } from './compare.ts'
import type { JudgedRow } from './suite.ts'

const titles = ['case', 'peer', 'ours', 'theirs', 'ratio', 'limit', 'unit', 'target', ''] as const
const rightAligned = new Set<string>(['ours', 'theirs', 'ratio', 'limit'])

export function formatTable(rows: readonly JudgedRow[]): string {
  const cells = rows.map((row, index) => cellsOf(row, rows[index - 1]?.case === row.case))
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)),
  )
  const format = (line: readonly string[]): string =>
    line
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return rightAligned.has(titles[column] ?? '') ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return [format(titles), format(widths.map((width) => '-'.repeat(width))), ...cells.map(format)].join('\n')
}

function cellsOf(row: JudgedRow, isSameCase: boolean): string[] {
  const optional = (value: number | null, format: (value: number) => string): string =>
    value === null ? '' : format(value)
  return [
    isSameCase ? '' : row.case,
    row.peer ?? '',
    shortNumber(row.ours),
    optional(row.theirs, shortNumber),
    optional(row.ratio, (ratio) => ratio.toFixed(2)),
    optional(row.limit, (limit) => `${Math.round(limit * 100)} %`),
    row.unit,
    row.target ?? '',
    row.isMet === undefined ? '' : row.isMet ? 'met' : 'MISSED',
  ]
}
