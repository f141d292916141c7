/** The files that `celeriac init` writes, by their names; `NAME` is replaced by the name of the app. */
export const initTemplates: Readonly<Record<string, string>> = {
  'package.json': `{
  "name": "NAME",
  "private": true,
  "type": "module",
  "engines": { "node": ">=24" },
  "scripts": {
    "demo": "node demo.ts",
    "worker": "celeriac -A ./app.ts worker -l INFO",
    "check": "tsc"
  },
  "dependencies": {
    "celeriac": "^VERSION"
  },
  "devDependencies": {
    "@types/node": "^24.0.0",
    "typescript": ">=5.9"
  }
}
`,

  'app.ts': `import { Celeriac } from 'celeriac'

// Nothing is configured, so messages and results live in the file ./celeriac.db.
// CELERY_BROKER_URL and the other settings of the environment win; \`npx celeriac config --docs\` lists them all.
export const app = new Celeriac('NAME').configFromEnv().autodiscoverTasks(['.'], { baseDir: import.meta.dirname })
`,

  'tasks.ts': `import { currentTask } from 'celeriac'
import { app } from './app.ts'

export const add = app.task('NAME.add', (x: number, y: number) => x + y)

/** Fails twice, then works: each failure is tried again after a short wait. */
export const flaky = app.task('NAME.flaky', { maxRetries: 3, retryDelay: '200ms', autoretryFor: [Error] }, () => {
  const { retries } = currentTask().request
  if (retries < 2) throw new Error(\`attempt \${retries + 1} failed\`)
  return \`worked at attempt \${retries + 1}\`
})

/** Prints its own request. */
export const debug = app.task('NAME.debug', { ignoreResult: true }, () => {
  console.log('Request:', currentTask().request)
})
`,

  'demo.ts': `// Calls some tasks and runs a worker for them in this very process: node demo.ts
import { Worker } from 'celeriac'
import { app } from './app.ts'
import { add, debug, flaky } from './tasks.ts'

const worker = new Worker(app, { concurrency: 4 })
const running = worker.run()
await worker.ready

await debug.delay()
const sum = await add.delay(2, 3)
console.log('2 + 3 =', await sum.get({ timeout: '10s' }))

const sums = await add.delayMany(Array.from({ length: 100 }, (_, n): [number, number] => [n, n]))
const values = await Promise.all(sums.map((result) => result.get({ timeout: '30s' })))
console.log('100 more sums; the last is', values.at(-1))

const result = await flaky.delay()
console.log('The flaky task', await result.get({ timeout: '30s' }))

worker.stop()
await running
await app.close()
`,

  'tsconfig.json': `{
  "compilerOptions": {
    "target": "esnext",
    "lib": ["es2024", "esnext.disposable"],
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "noEmit": true,
    "erasableSyntaxOnly": true,
    "verbatimModuleSyntax": true,
    "allowImportingTsExtensions": true
  }
}
`,

  '.gitignore': `node_modules
celeriac.db*
`,

  'README.md': `# NAME

Tasks with [celeriac](https://www.npmjs.com/package/celeriac). Node 24 or newer runs the TypeScript files as they are.

    npm install
    npm run demo        # a worker and some calls in one process

In two terminals, as in production:

    npm run worker
    npx celeriac -A ./app.ts call NAME.add -a '[2, 3]' --wait

| file | what it is |
|---|---|
| app.ts | the app: configuration, where tasks are found |
| tasks.ts | the tasks |
| demo.ts | a program that calls them |

Elsewhere: \`npx celeriac queues\` shows what waits, \`npx celeriac dead list\` what could not be run.
`,
}
