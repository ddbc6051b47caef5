import type { Tensor } from '@llama-probe/dump';
import { type Graph, llamaGraph } from '@llama-probe/dump/stage';
import { rowOf } from '../metrics.js';
import { showLimit } from '../words.js';
import { type Broken, type Checked, inOrder, nothingChecked } from './broken.js';
import { allFinite, distance, norm } from './distance.js';
import { type At, sentence, show } from './findings.js';

/**
 * The cache after a prompt and decode steps holds what it holds when all tokens are the prompt: position by position, the same K and V.
 *
 * Of each layer's K and V the first decoded position that differs is reported. In memory are the decoded rows only.
 *
 * @param decoded a run of a prompt and at least one decode step
 * @param prefill a run of the same tokens, all of them its prompt
 * @param graph which stages fill the cache: a Llama's where it is left out
 * @param tolerance of a row's ‖a−b‖ / ‖b‖
 * @example const { broken, checked } = await compareCaches(steps.tensors, once.tensors, 1e-5);
 */
export async function compareCaches(
  decoded: AsyncIterable<Tensor>,
  prefill: AsyncIterable<Tensor>,
  tolerance: number,
  graph: Graph = llamaGraph({ layers: 1 }),
): Promise<Checked> {
  const cached = graph.cachedNames;
  const rows = new Map<string, { at: At; row: Float32Array }>();
  for await (const tensor of decoded) {
    if (!cached.has(tensor.stage) || tensor.step === 0) continue;
    const { step, order, layer, stage } = tensor;
    // Copies: a view would keep alive whatever it was read from.
    for (const { key, row } of rowsOf(tensor)) rows.set(key, { at: { step, order, layer, stage }, row: row.slice() });
  }

  const checked = nothingChecked();
  const firsts = new Map<string, { at: At; token: number; by: number; rows: number }>(); // by layer and stage
  for await (const tensor of prefill) {
    if (!cached.has(tensor.stage)) continue;
    for (const { key, token, row } of rowsOf(tensor)) {
      const own = rows.get(key);
      if (!own || own.row.length !== row.length) continue;
      if (!allFinite(own.row) && !allFinite(row)) continue; // `finite` says so
      checked.cache++;
      const delta = distance(own.row, row);
      const by = delta === 0 ? 0 : delta / norm(row);
      if (by <= tolerance) continue;
      const place = `${tensor.layer}/${tensor.stage}`;
      const first = firsts.get(place);
      const isFirst = !first || own.at.step < first.at.step || (own.at.step === first.at.step && token < first.token);
      firsts.set(place, { ...(isFirst ? { at: own.at, token, by } : first), rows: (first?.rows ?? 0) + 1 });
    }
  }
  const broken = [...firsts.values()].map(({ at, token, by, rows }): Broken => {
    const what = `it is ${show(by)} (relative RMS) away from the same position in one prefill, wanted at most ${showLimit(tolerance)}`;
    const text = sentence(at, token, { what }, rows === 1 ? '' : ` (the first of ${rows} rows)`);
    return { check: 'cache', ...at, token, found: by, wanted: tolerance, text };
  });
  return { broken: inOrder(broken), checked, leftOut: [] };
}

function* rowsOf(tensor: Tensor): Generator<{ key: string; token: number; row: Float32Array }> {
  for (let row = 0; row < tensor.positions.length; row++) {
    const token = tensor.positions[row] as number;
    yield { key: `${tensor.layer}/${tensor.stage}/${token}`, token, row: rowOf(tensor, row) };
  }
}
