/**
 * Benchmarks, as ratios within one run: what a kernel reaches of what the adapter can do, what recording costs.
 *
 *   npm run bench -- [--adapter llvmpipe|lavapipe|swiftshader|gpu] [--types Q8_0,Q4_K] [--layers 4] [--json FILE]
 *
 * Prints a table and writes the same as JSON (dumps/bench.json). Run it on a machine that does nothing else.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { AdapterKind } from '@llama-probe/engine';
import { openAdapter, WEIGHT_TYPES, type WeightType } from '@llama-probe/engine/internal';
import type { Line } from './clock.js';
import { measureMachine } from './machine.js';
import { measurePass } from './pass.js';
import { measureProducts } from './products.js';
import { measureTensors } from './tensors.js';
import { measureWhole } from './whole.js';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({
  options: {
    adapter: { type: 'string', default: 'auto' },
    types: { type: 'string', default: Object.keys(WEIGHT_TYPES).join() },
    layers: { type: 'string', default: '4' },
    json: { type: 'string', default: here('../../../dumps/bench.json') },
  },
});

const opened = await openAdapter({ adapter: values.adapter as AdapterKind | 'auto' });
console.log(`${opened.info.name}, ${opened.info.backend}\n`);
const sections: Record<string, readonly Line[]> = {};
const section = async (name: string, measure: () => Promise<readonly Line[]>) => {
  process.stderr.write(`measuring: ${name} …\n`);
  sections[name] = await measure();
  console.log(name);
  for (const line of sections[name]) console.log(`  ${format(line)}`);
};

const machine = await measureMachine(opened);
await section('the machine', async () => machine.lines);
await section('products', () => measureProducts(opened, machine, values.types.split(',') as WeightType[]));
await section('dump and diff', () => measureTensors(machine));
await section('the pass', () => measurePass(opened, machine, randomModel()));
opened.close();
await section('a whole comparison', () => measureWhole(randomModel(), values.adapter as AdapterKind | 'auto'));

mkdirSync(dirname(values.json), { recursive: true });
writeFileSync(values.json, `${JSON.stringify({ adapter: opened.info, sections }, null, 2)}\n`);
console.log(`\nwritten to ${values.json}`);

/** TinyLlama's shape with few layers, made once. */
function randomModel(): string {
  const path = here(`../../../dumps/random-${values.layers}-layers-Q8_0.gguf`);
  if (!existsSync(path)) {
    const { status } = spawnSync(process.execPath, [here('../random-model.js'), path, '--layers', values.layers]);
    if (status !== 0) throw new Error(`${path} could not be made`);
  }
  return path;
}

function format({ name, value, unit, ratio, of, target }: Line): string {
  const columns = [name.padEnd(38), `${value.toPrecision(3)} ${unit}`.padStart(14)];
  if (ratio !== undefined) columns.push(`  ${ratio.toFixed(3)} of ${of}`);
  if (target !== undefined && ratio !== undefined)
    columns.push(`(target ${target}${reached(ratio, target) ? '' : ', MISSED'})`);
  return columns.join(' ');
}

function reached(ratio: number, target: string): boolean {
  const limit = Number(target.slice(2));
  return target.startsWith('>=') ? ratio >= limit : ratio <= limit;
}
