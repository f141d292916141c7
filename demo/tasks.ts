import path from 'node:path'
import { IsNull, type DataSource } from 'typeorm'
import { Celeriac, currentTask, type Task } from '../src/index.ts'
import { typeorm } from '../src/orms/typeorm.ts'
import { kmBetween } from './distance.ts'
import { City, Country, openRows } from './rows.ts'

/** What `farthest` found, as its caller sees it. */
export interface Finding {
  readonly country: string
  /** As the row said when the task ran. */
  readonly capital: string
  readonly city: string
  readonly km: number
  readonly retries: number
}

export interface Demo extends AsyncDisposable {
  readonly app: Celeriac
  readonly rows: DataSource
  readonly measure: Task<[capital: City, cities: City[]], number>
  readonly farthest: Task<[country: Country, capital: City], Finding>
}

/** Thrown while cities of the country are still to be measured: worth another attempt. */
class NotMeasuredYet extends Error {}

export const brokerFile = 'celeriac.db'

/** The app as the producer and the worker open it: the same tasks, broker file and rows. */
export async function openDemo(folder: string): Promise<Demo> {
  const rows = await openRows(folder)
  const url = `sqlite:${encodeURI(path.join(folder, brokerFile))}`
  const app = new Celeriac('demo', { broker: url, backend: url })
  app.models.use(typeorm(rows, { app: 'demo' }))
  return {
    app,
    rows,
    measure: app.task('demo.measure', (capital: City, cities: City[]) => measure(rows, capital, cities)),
    farthest: app.task(
      'demo.farthest',
      { autoretryFor: [NotMeasuredYet], maxRetries: 100, retryBackoff: '250ms', retryBackoffMax: '1s' },
      (country: Country, capital: City) => farthest(rows, country, capital),
    ),
    async [Symbol.asyncDispose]() {
      await app.close()
      await rows.destroy()
    },
  }
}

/** Writes how far the cities are from their capital, in one statement: running tasks share the one connection. */
async function measure(rows: DataSource, capital: City, cities: City[]): Promise<number> {
  const distances = Object.fromEntries(cities.map((city) => [city.id, kmBetween(capital, city)]))
  await rows.query(
    'UPDATE cities SET km_from_capital = new.value FROM json_each(?) AS new WHERE cities.id = CAST(new.key AS INTEGER)',
    [JSON.stringify(distances)],
  )
  return cities.length
}

/** Finds the city farthest from the capital and writes it to the country; fails until every city is measured. */
async function farthest(rows: DataSource, country: Country, capital: City): Promise<Finding> {
  const { code } = country
  const unmeasured = await rows.manager.countBy(City, { country: code, kmFromCapital: IsNull() })
  if (unmeasured > 0) throw new NotMeasuredYet(`${unmeasured} cities of ${code} are not measured yet`)
  const city = await rows.manager.findOneOrFail(City, { where: { country: code }, order: { kmFromCapital: 'DESC' } })
  const km = city.kmFromCapital ?? 0
  await rows.manager.update(Country, { code }, { farthestId: city.id, farthestKm: km })
  return { country: code, capital: capital.name, city: city.name, km, retries: currentTask().request.retries }
}
