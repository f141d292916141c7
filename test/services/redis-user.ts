import { service } from './service.ts'

/** Has a server started, says which, and stays until it is killed. */
console.log(JSON.stringify(await service('redis')))
setInterval(() => undefined, 60_000)
