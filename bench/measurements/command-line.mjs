// What `celeriac` of an installed package runs.
import { runAsProcess } from '../dist/dist/cli/main.js'

await runAsProcess()
