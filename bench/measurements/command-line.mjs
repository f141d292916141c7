// What `celeriac` of an installed package runs.
import { runAsProcess } from '../dist/cli/main.js'

await runAsProcess()
