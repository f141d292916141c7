// Self time in V8 CPU profiles, by module and by function.   node bench/profile.ts FILE...
import fs from 'node:fs/promises'
import path from 'node:path'

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

const shownFunctions = 40
const shownModules = 15

for (const file of process.argv.slice(2)) {
  const profile = JSON.parse(await fs.readFile(file, 'utf8')) as Profile
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const byFunction = new Map<string, number>()
  const byModule = new Map<string, number>()
  let busy = 0
  profile.samples.forEach((id, index) => {
    const frame = frames.get(id)
    if (!frame || frame.functionName === '(idle)') return
    const spent = profile.timeDeltas[index] ?? 0
    busy += spent
    add(byModule, moduleOf(frame), spent)
    add(byFunction, `${frame.functionName || '(anonymous)'}  ${moduleOf(frame)}:${frame.lineNumber + 1}`, spent)
  })
  console.log(`\n${path.basename(file)}: ${(busy / 1e6).toFixed(2)} s busy`)
  show(byModule, busy, shownModules)
  console.log('  --')
  show(byFunction, busy, shownFunctions)
}

function moduleOf({ url, functionName }: CallFrame): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)'
  return url.replace(/^file:\/\/.*\/(?=(?:src|bench|node_modules)\/)/, '')
}

function add(sums: Map<string, number>, key: string, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value)
}

function show(sums: ReadonlyMap<string, number>, total: number, count: number): void {
  const largest = [...sums].toSorted(([, a], [, b]) => b - a).slice(0, count)
  for (const [name, spent] of largest) console.log(`  ${((spent / total) * 100).toFixed(1).padStart(5)} %  ${name}`)
}
