/**
 * Says of models which stages the oracle makes of the rows before them as llama.cpp does, by its graph: a row of a table for each.
 *
 *     node scripts/dist/oracle-nodes.js MODEL.gguf …
 *
 * Exit code 2 where llama.cpp does not run one of them.
 */
import { basename } from 'node:path';
import { llama, reproduce } from '@llama-probe/comparison';

const TOKENS = [1, 40, 41, 26, 37, 43, 28, 41, 28, 40, 36, 27];

console.log('| model | architecture | stages | worst relative RMS | not computed |\n|---|---|---|---|---|');
for (const model of process.argv.slice(2)) {
  try {
    console.log(await rowOf(model));
  } catch (error) {
    console.error(`${model}: ${(error as Error).message}`);
    process.exitCode = 2;
  }
}

async function rowOf(model: string): Promise<string> {
  await using side = await llama(model, { mode: 'exact' });
  const { file, operations, about } = side;
  if (!file || !operations) throw new Error('llama.cpp says neither weights nor graph');
  const stages = await reproduce({ ...side, file, operations }, TOKENS);
  const names = [...new Set(stages.map(({ stage }) => stage))];
  const of = (name: string) => stages.filter(({ stage }) => stage === name);
  const missing = names.filter((name) => of(name).some(({ rel }) => rel === null));
  const worst = stages.reduce((most, one) => ((one.rel ?? 0) > (most.rel ?? 0) ? one : most));
  const cells = [
    basename(model),
    about.model.arch,
    `${names.length - missing.length} of ${names.length}`,
    `${worst.rel?.toExponential(1)} (\`${worst.stage}\`)`,
    missing.map((name) => `\`${name}\``).join(' ') || 'none',
  ];
  return `| ${cells.join(' | ')} |`;
}
