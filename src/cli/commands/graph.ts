import { Argument, Command, Option } from 'commander'
import { graph } from '../../canvas/graph.ts'
import type { AnySignature } from '../../app/signature.ts'
import { ImproperlyConfigured } from '../../errors.ts'
import type { CommandRun } from '../command-run.ts'
import { loadExport } from '../load-app.ts'

interface Options {
  readonly format: 'mermaid' | 'dot'
}

const help = `
The workflow is a signature that a module exports; nothing is sent.

Examples:
  celeriac graph ./src/orders.ts:nightly
  celeriac graph ./src/orders.ts:nightly --format dot | dot -Tsvg > nightly.svg`

export function graphCommand(run: CommandRun): Command {
  return new Command('graph')
    .description('draw a workflow')
    .addArgument(new Argument('<export>', 'a module and the name of its export: ./flows.ts:nightly'))
    .addOption(new Option('--format <format>', 'what to write').choices(['mermaid', 'dot']).default('mermaid'))
    .addHelpText('after', help)
    .action(async (specifier: string, { format }: Options) => {
      const drawn = graph(await loadSignature(specifier))
      const { nodes, edges } = drawn
      run.printer.result({ nodes, edges }, format === 'dot' ? drawn.toDot() : drawn.toMermaid())
    })
}

async function loadSignature(specifier: string): Promise<AnySignature> {
  const { value, file, name } = await loadExport(specifier, process.cwd())
  if (isSignature(value)) return value
  const found = value === undefined ? 'is not there' : 'is no signature'
  throw new ImproperlyConfigured(`${file}: the export ${name} ${found}; let it export one, such as chain(…)`)
}

/** By its data, not by class: it may come from another copy of this package. */
function isSignature(value: unknown): value is AnySignature {
  return typeof value === 'object' && value !== null && 'data' in value && 'delay' in value
}
