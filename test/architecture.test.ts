import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'

/** The layers of src/, top first: a file may import from its own folder and from the layers below. */
const layers = [
  ['index.ts', 'cli', 'opentelemetry'],
  ['admin', 'testing'],
  ['worker', 'beat'],
  ['outbox', 'canvas'],
  ['app'],
  ['control', 'events'],
  ['backends', 'pools', 'orms', 'schedules'],
  ['brokers', 'serializers'],
  ['drivers'],
  ['protocol'],
  ['errors.ts', 'util'],
]

/** Upward imports that are dynamic on purpose, with the reason. */
const lazyExceptions = new Map([
  ['app/eager.ts', 'worker/eager-executor.ts: eager mode runs the very pipeline of the worker'],
  ['app/explain.ts', 'outbox/outbox-search.ts: what waits in an outbox is looked for where the outboxes are known'],
])

/** Interchangeable implementations: from outside only the port and the opener may be imported. */
const ports = new Map([
  ['brokers', ['broker.ts', 'open-broker.ts']],
  ['backends', ['backend.ts', 'open-backend.ts']],
  ['serializers', ['serializer.ts', 'open-serializer.ts']],
  ['pools', ['pool.ts', 'open-pool.ts', 'open-slot.ts']],
  ['orms', ['orm-adapter.ts']],
  ['schedules', ['schedule.ts', 'open-schedule.ts']],
])

const root = path.resolve(import.meta.dirname, '../src')
const files = globSync('**/*.ts', { cwd: root })
  .filter((file) => !file.includes('templates/'))
  .toSorted()

function layerOf(file: string): number {
  const room = file.split('/')[0] ?? file
  return layers.findIndex((names) => names.includes(room))
}

function importsOf(file: string): { specifier: string; dynamic: boolean }[] {
  const text = readFileSync(path.join(root, file), 'utf8')
  const found = []
  for (const match of text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*'([^']+)'/g))
    found.push({ specifier: match[1] ?? '', dynamic: false })
  for (const match of text.matchAll(/(?:^|\n)\s*import\s*'([^']+)'/g))
    found.push({ specifier: match[1] ?? '', dynamic: false })
  for (const match of text.matchAll(/\bimport\(\s*'([^']+)'/g)) found.push({ specifier: match[1] ?? '', dynamic: true })
  return found
}

describe('architecture', () => {
  for (const file of files) {
    it(`${file} imports only from its own folder and the layers below`, () => {
      const layer = layerOf(file)
      assert.notEqual(layer, -1, `src/${file} belongs to no layer; give its folder a place in the list`)
      const room = file.split('/')[0]
      for (const { specifier, dynamic } of importsOf(file)) {
        if (!specifier.startsWith('.')) {
          if (room === 'protocol' || room === 'schedules') {
            assert.ok(
              !specifier.startsWith('node:') || specifier === 'node:zlib',
              `${file} must stay pure: ${specifier}`,
            )
          }
          continue
        }
        const target = path.relative(root, path.resolve(root, path.dirname(file), specifier))
        const targetRoom = target.split('/')[0] ?? target
        if (targetRoom === room) continue
        if (dynamic && lazyExceptions.get(file)?.startsWith(target)) continue
        assert.ok(layerOf(target) > layer, `src/${file} imports upwards or sideways: ${specifier}`)
        const open = ports.get(targetRoom)
        const inner = target.split('/')[1] ?? ''
        if (open && room !== 'index.ts' && room !== 'testing') {
          assert.ok(
            open.includes(inner),
            `src/${file} reaches into ${targetRoom}/: only ${open.join(', ')} may be imported`,
          )
        }
      }
    })
  }

  it('knows every folder of src/', () => {
    const rooms = new Set(files.map((file) => file.split('/')[0] ?? file))
    for (const room of rooms) assert.ok(layers.flat().includes(room), `src/${room} belongs to no layer`)
  })
})
