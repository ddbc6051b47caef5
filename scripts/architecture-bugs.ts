/**
 * Puts each known bug into llama.cpp's own run of models of any architecture, for the table of docs/limits.md: is it found at its stage, as the only
 * fault, and named? A row for each model, and for each type that it is quantised to first.
 *
 *     node scripts/dist/architecture-bugs.js [--types Q8_0,Q4_K_M] [--only rope-halves] [--stages embd,l_out,result_output] MODEL.gguf …
 *
 * With --stages the candidate has these stages only: is it found at the next of them, and named from there?
 *
 * Exit code 1 where one was not.
 */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { graphTrials } from '@llama-probe/comparison';
import { quantizeModel } from '@llama-probe/reference';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { types: { type: 'string' }, only: { type: 'string' }, stages: { type: 'string' } },
});
const TOKENS = [1, 40, 41, 26, 37, 43, 28, 41, 28, 40, 36, 27];
const { signal } = new AbortController();
const notSo: string[] = [];

console.log(
  '| model | type | bugs | trials | that change a number | found at the stage alone | named | another fits as well |',
);
console.log('|---|---|---|---|---|---|---|---|');
for (const model of positionals) {
  for (const type of values.types?.split(',') ?? [undefined]) {
    const path = type === undefined ? model : await quantizeModel({ model, type });
    const { about, trials } = await graphTrials(path, {
      tokensOf: async () => TOKENS,
      ids: values.only?.split(','),
      captured: values.stages?.split(','),
      onProgress: (text) => process.stderr.write(`${basename(model)} ${type ?? ''}: ${text}\n`),
      signal,
    });
    const seen = trials.filter(({ found }) => found !== 'unseen');
    const right = seen.filter(({ found }) => found === 'right');
    const named = (how: string) => right.filter((trial) => trial.named === how).length;
    const cells = [
      basename(model),
      type ?? about.model.quantization,
      new Set(trials.map(({ id }) => id)).size,
      trials.length,
      ...[seen.length, right.length, named('first'), named('tied')],
    ];
    console.log(`| ${cells.join(' | ')} |`);
    for (const { id, layer, found, at, named: how, name } of seen) {
      if (found === 'right' && how !== 'no') continue;
      const as = found === 'right' ? `named ${name ?? 'nothing'}` : `found at ${at ?? 'no stage'}`;
      notSo.push(`${basename(model)}, ${type ?? about.model.quantization}: ${id} in layer ${layer ?? '–'} is ${as}`);
    }
  }
}
for (const line of notSo) console.log(`\n${line}`);
process.exitCode = notSo.length > 0 ? 1 : 0;
