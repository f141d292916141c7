import { defineModelTests } from './orm-contract-models.ts'
import { inApp, type DefineOrm, type OrmLab } from './orm-contract-tools.ts'
import { defineTransactionTests } from './orm-contract-transactions.ts'

/** What every ORM adapter must do, whatever the ORM. */
export function describeOrm(
  define: (name: string, test: () => Promise<void>) => unknown,
  open: () => Promise<OrmLab>,
): void {
  const it: DefineOrm = (name, test) =>
    define(name, async () => {
      await using lab = await open()
      await test(inApp(lab))
    })
  defineModelTests(it)
  defineTransactionTests(it)
}
