import type { Check } from './checks.ts'
import { grouped } from './progress.ts'
import type { Finding } from './tasks.ts'

export interface Report {
  readonly cities: number
  readonly countries: number
  readonly calls: number
  readonly failures: number
  readonly retries: number
  /** From the ready worker to the last result. */
  readonly seconds: number
  readonly findings: readonly Finding[]
  readonly checks: readonly Check[]
}

const rowsShown = 8

/** A short table for people, or one JSON object. */
export function printReport(report: Report, asJson: boolean): void {
  const { findings, checks, calls, failures, retries, seconds } = report
  const tasksPerSecond = Math.round(calls / seconds)
  const farthest = findings.toSorted((one, other) => other.km - one.km).slice(0, rowsShown)
  if (asJson) {
    const figures = { calls, failures, retries, seconds: Number(seconds.toFixed(3)), tasksPerSecond }
    console.log(JSON.stringify({ cities: report.cities, countries: report.countries, ...figures, farthest, checks }))
    return
  }
  const names = new Intl.DisplayNames('en', { type: 'region' })
  const table = farthest.map(({ country, capital, city, km }) => [
    names.of(country) ?? country,
    capital,
    city,
    `${grouped(km)} km`,
  ])
  console.log(`\n${columns([['Country', 'Capital', 'Farthest city', 'Distance'], ...table])}\n`)
  for (const { claim, holds, detail } of checks) console.log(`${holds ? '✔' : '✖'} ${claim}\n  ${detail}`)
  console.log(
    `\n${grouped(report.cities)} cities, ${report.countries} countries: ${grouped(calls)} tasks in ${seconds.toFixed(1)} s, ` +
      `${grouped(tasksPerSecond)} tasks a second, ${grouped(retries)} retries, ${failures} failures`,
  )
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
