/** Preludes of pages that hold none themselves. */
export const preludes: Readonly<Record<string, string>> = {
  'docs/models.md': `import { Celeriac } from 'celeriac'
import type { DataSource } from 'typeorm'
declare class Order { readonly id: number }
declare class User { readonly id: number }
declare const dataSource: DataSource
declare const order: Order
declare const user: User
const app = new Celeriac('shop')
const ship = app.task('shop.ship', async (order: Order, to: { user: User; copies: User[] }) => [order, to].length)`,
}
