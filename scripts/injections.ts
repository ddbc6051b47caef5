/**
 * Puts each known bug into runs of llama-probe's own engine, of models of any architecture that it computes: is it found where it is, is nothing
 * else accused, and is it named? A row of a table for each model, for docs/limits.md.
 *
 *     node scripts/dist/injections.js [--only rope-halves,rms-eps] [--candidate llama] MODEL.gguf …
 *
 * With `--candidate llama` it is llama.cpp whose stages are overwritten, of any architecture. Exit code 1 where one was found elsewhere, or not named.
 */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { compare, llama, type Report, type Side, UsageError, webgpu } from '@llama-probe/comparison';
import { placeKey } from '@llama-probe/dump';
import { CATALOGUE } from '@llama-probe/oracle';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, candidate: { type: 'string' } },
});
const ASK = { prompt: { ids: [1, 5, 9, 2, 7, 3, 8, 11, 4, 6, 10, 1] }, steps: 3 };
const only = values.only?.split(',');
const bugs = CATALOGUE.filter(({ id, stages }) => !stages.includes('tokens') && (only?.includes(id) ?? true));
const notSo: string[] = [];

/** undefined for a bug that has nothing to change in this model. */
async function run(model: string, reference: Side, id: string): Promise<{ report: Report; side: Side } | undefined> {
  const side = await (values.candidate === 'llama'
    ? llama(model, { mode: 'exact', inject: id })
    : webgpu(model, { inject: id }));
  try {
    return { report: await compare(side, reference, ASK), side };
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  } finally {
    await side.close();
  }
}

/** @returns whether each fault is where the bug was put, and whether one of them has its name before any other's */
function judge({ report, side }: { report: Report; side: Side }, id: string) {
  const places = new Set([...(side.injected?.values() ?? [])].flatMap((effect) => [...effect.places]));
  const faults = report.faults ?? [];
  const isThere = faults.length > 0 && faults.every((fault) => places.has(placeKey(fault)));
  const names = faults.flatMap(({ diagnosis }) => diagnosis?.candidates[0]?.id ?? []);
  const tied = faults.some(({ diagnosis }) => diagnosis?.indistinguishable.includes(id));
  return { isThere, named: names.includes(id) ? 'first' : tied ? 'tied' : 'no', faults, names };
}

console.log(
  '| model | bugs it can have | that change a number | found where they are, alone | named first | another fits as well |',
);
console.log('|---|---|---|---|---|---|');
for (const model of positionals) {
  const reference = await llama(model, { mode: 'exact' });
  const count = { possible: 0, moved: 0, there: 0, first: 0, tied: 0 };
  for (const [i, { id }] of bugs.entries()) {
    process.stderr.write(`${basename(model)}: ${i + 1} of ${bugs.length}, ${id}\n`);
    const found = await run(model, reference, id);
    if (!found) continue;
    count.possible++;
    if (found.report.verdict === 'agree') continue;
    count.moved++;
    const { isThere, named, faults, names } = judge(found, id);
    if (isThere) count.there++;
    if (named !== 'no') count[named as 'first' | 'tied']++;
    if (isThere && named !== 'no') continue;
    const where = faults.map(({ stage, layer }) => `${stage} of layer ${layer ?? '–'}`).join(', ') || 'no stage';
    notSo.push(`${basename(model)}: ${id} is found at ${where}, and named ${names.join(', ') || 'nothing'}`);
  }
  console.log(`| ${[basename(model), ...Object.values(count)].join(' | ')} |`);
  await reference.close();
}
for (const line of notSo) console.log(`\n${line}`);
process.exitCode = notSo.length > 0 ? 1 : 0;
